package email

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// certFile and keyFile are of a certificate for localhost that this test binary trusts.
var certFile, keyFile string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "parley-email")
	if err == nil {
		err = makeCertificate(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func makeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		return err
	}
	return os.Setenv("SSL_CERT_FILE", certFile) // read once, at the first handshake
}

// tlsTaker is an SMTP server with TLS that counts what it takes.
type tlsTaker struct{ taken chan string }

func (t tlsTaker) NewSession(*smtp.Conn) (smtp.Session, error) { return t, nil }
func (t tlsTaker) Mail(string, *smtp.MailOptions) error        { return nil }
func (t tlsTaker) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (t tlsTaker) Reset()                                      {}
func (t tlsTaker) Logout() error                               { return nil }
func (t tlsTaker) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	t.taken <- string(raw)
	return err
}

func TestAnswersGoOverVerifiedTLS(t *testing.T) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	taker := tlsTaker{make(chan string, 10)}
	server := smtp.NewServer(taker)
	server.ErrorLog = log.New(io.Discard, "", 0)
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := tls.Listen("tcp", "127.0.0.1:0", server.TLSConfig)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []net.Listener{plain, wrapped} {
		go server.Serve(l)
		defer l.Close()
	}
	for security, l := range map[string]net.Listener{"starttls": plain, "tls": wrapped} {
		port := l.Addr().(*net.TCPAddr).Port
		good := newChannel(t, map[string]any{"smtp": map[string]any{"host": "localhost", "port": port, "security": security}})
		if err := good.Test(t.Context()); err != nil {
			t.Errorf("%s, Test: %v", security, err)
		}
		if _, err := good.Send(t.Context(), reply(good)); err != nil {
			t.Errorf("%s: %v", security, err)
		} else if got := <-taker.taken; !strings.Contains(got, "it is on its way") {
			t.Errorf("%s: %q", security, got)
		}
		other := newChannel(t, map[string]any{"smtp": map[string]any{"host": "127.0.0.1", "port": port, "security": security}})
		if _, err := other.Send(t.Context(), reply(other)); !isRetry(err) || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s to a server with another's certificate: %v", security, err)
		}
	}
	noTLS := newSMTP(t)
	stripped := sender(t, noTLS, "security", "starttls")
	if _, err := stripped.Send(t.Context(), reply(stripped)); !isRetry(err) || len(noTLS.Mails()) != 0 {
		t.Errorf("a server that takes STARTTLS away: %v", err)
	}
}
