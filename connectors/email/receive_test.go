package email

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"parley/connectors"
	"parley/connectors/email/receiver"
)

func TestReceivedMailIsOneItem(t *testing.T) {
	r := receiver.New(receiver.Options{Listen: "127.0.0.1:0"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	addr, _ := r.Addrs()

	c := newChannel(t, map[string]any{"receiver": map[string]any{"enabled": true}})
	c.host.Receiver = r
	sink := newSink()
	running(t, c, sink)
	sink.awaitState(t, connectors.StateConnected)

	send := func() error {
		conn, err := smtp.Dial(addr.String())
		if err != nil {
			return err
		}
		defer conn.Close()
		return conn.SendMail("bounces@customer.test", []string{"support+tok@hub.test"}, strings.NewReader(strings.ReplaceAll(letter("by SMTP"), "\n", "\r\n")))
	}
	sink.failing(func(string) error { return errSink })
	var reply *smtp.SMTPError
	if err := send(); !errors.As(err, &reply) || reply.Code != 451 {
		t.Fatalf("with the database away: %v", err)
	}
	sink.failing(nil)
	for range 3 {
		if err := send(); err != nil {
			t.Fatal(err)
		}
	}
	items := sink.items()
	if len(items) != 1 || sink.doubles != 2 {
		t.Fatalf("%d items, %d doubles", len(items), sink.doubles)
	}
	in := items[0]
	if !strings.HasPrefix(in.Key, "smtp:") || in.Sender.Claims[0].Value != "anna@customer.test" || in.Thread.ReplyToken != "tok" || in.Subject != "by SMTP" {
		t.Errorf("%+v", in)
	}
	if !bytes.HasPrefix(in.Raw, []byte("Return-Path: <bounces@customer.test>\r\nDelivered-To: support+tok@hub.test\r\n")) {
		t.Errorf("raw %q", in.Raw[:80])
	}
}

func TestReceiverThatIsOffIsSaid(t *testing.T) {
	c := newChannel(t, map[string]any{"receiver": map[string]any{"enabled": true}})
	if err := c.Run(t.Context(), newSink()); err == nil || !strings.Contains(err.Error(), "email.receiver.listen") {
		t.Errorf("Run: %v", err)
	}
}
