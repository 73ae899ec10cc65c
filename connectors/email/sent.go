package email

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"parley/connectors"
)

const inboxName = "INBOX"

// sentNames are what servers that name no special uses (RFC 6154) call the folder of sent mail, in the order in which they are believed.
var sentNames = []string{"sent", "sent items", "sent mail", "sent messages", "inbox.sent", "inbox/sent", "inbox.sent items", "inbox.sent messages",
	"gesendet", "gesendete objekte", "gesendete elemente", "отправленные", "envoyés", "éléments envoyés", "enviados", "elementos enviados", "posta inviata", "wysłane", "verzonden items"}

// sentFolder is the name of the folder of sent mail: the one the server says is it, else one that is called so. "" when there is none.
func (s *session) sentFolder() (string, error) {
	var all []*imap.ListData
	err := errors.New("no special uses")
	if s.client.Caps().Has(imap.CapSpecialUse) {
		all, err = s.client.List("", "*", &imap.ListOptions{ReturnSpecialUse: true}).Collect()
	}
	if err != nil { // some offer SPECIAL-USE without RETURN (RFC 5258), and tell it in any list
		if all, err = s.client.List("", "*", nil).Collect(); err != nil {
			return "", fmt.Errorf("list the mailboxes: %w", err)
		}
	}
	best, name := len(sentNames), ""
	for _, d := range all {
		if slices.Contains(d.Attrs, imap.MailboxAttrNoSelect) || slices.Contains(d.Attrs, imap.MailboxAttrNonExistent) {
			continue
		}
		if slices.Contains(d.Attrs, imap.MailboxAttrSent) {
			return d.Mailbox, nil
		}
		if i := slices.Index(sentNames, strings.ToLower(d.Mailbox)); i >= 0 && i < best {
			best, name = i, d.Mailbox
		}
	}
	return name, nil
}

// boxes are the mailboxes that are followed, and the one among them (or beside them) that holds what was sent.
type boxes struct {
	names []string
	sent  string
}

// chooseBoxes is what the config names, else INBOX and the Sent folder.
func (c *Connector) chooseBoxes(ctx context.Context) (boxes, error) {
	s, err := c.dialIMAP(ctx)
	if err != nil {
		return boxes{}, err
	}
	defer s.close()
	sent, err := s.sentFolder()
	if err != nil {
		return boxes{}, err
	}
	return c.boxesWith(sent), nil
}

func (c *Connector) boxesWith(sent string) boxes {
	if named := c.config.IMAP.Mailboxes; len(named) > 0 {
		return boxes{named, sent}
	}
	if sent == "" {
		return boxes{[]string{inboxName}, ""}
	}
	return boxes{[]string{inboxName, sent}, sent}
}

// fromSent makes a mail of the Sent folder what it is, whatever address it was written from: an answer that one of us wrote elsewhere, or
// our own, which then has surely left.
func (c *Connector) fromSent(in connectors.Inbound) (connectors.Inbound, *connectors.Delivery) {
	in.Sender.Claims = nil // nobody in this folder is a customer
	if in.Quarantine != "" || in.Ignore != "" && !OwnMessageID(in.ProviderID, c.channel.Secret) {
		return in, nil
	}
	if OwnMessageID(in.ProviderID, c.channel.Secret) {
		in.Auto, in.Outgoing, in.Ignore = connectors.AutoLoop, false, "our own message, in the Sent folder"
		return in, &connectors.Delivery{ProviderID: in.ProviderID, State: connectors.DeliverySent, At: c.host.Now(), Found: true}
	}
	switch in.Auto {
	case connectors.AutoBounce, connectors.AutoReceipt, connectors.AutoComplaint:
		in.Ignore = "a report that this mailbox sent"
		return in, nil
	}
	if !slices.ContainsFunc(in.Recipients, func(a string) bool { return !c.isOwn(a) }) {
		in.Auto, in.Ignore = connectors.AutoLoop, "sent from this address to itself"
		return in, nil
	}
	in.Auto, in.Outgoing = connectors.AutoNone, true
	return in, nil
}

// Find implements connectors.Finder: it looks for the message in the Sent folder. A folder without it proves nothing, as not every
// provider keeps a copy of what it was handed.
func (c *Connector) Find(ctx context.Context, out connectors.Outbound) (connectors.Receipt, bool, error) {
	if c.config.IMAP == nil || out.ProviderID == "" {
		return connectors.Receipt{}, false, errors.New("it cannot be said: this channel has no Sent folder to look into")
	}
	ctx, cancel := context.WithTimeout(ctx, c.pace.test)
	defer cancel()
	s, err := c.dialIMAP(ctx)
	if err != nil {
		return connectors.Receipt{}, false, err
	}
	defer s.close()
	there, err := s.sentHolds(out.ProviderID)
	if err != nil {
		return connectors.Receipt{}, false, err
	}
	if !there {
		return connectors.Receipt{}, false, errors.New("it cannot be said: the Sent folder does not hold the message, and may hold none that went out this way")
	}
	return connectors.Receipt{ProviderID: out.ProviderID}, true, nil
}

// sentHolds opens the Sent folder and tells whether a mail with that Message-ID is in it.
func (s *session) sentHolds(messageID string) (bool, error) {
	sent, err := s.sentFolder()
	if err != nil {
		return false, err
	}
	if sent == "" {
		return false, errors.New("it cannot be said: the mail server has no Sent folder")
	}
	if _, err := s.examine(sent); err != nil {
		return false, err
	}
	found, err := s.client.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: bracket(messageID)}}}, nil).Wait()
	if err != nil {
		return false, fmt.Errorf("search %s: %w", sent, err)
	}
	return len(found.AllUIDs()) > 0, nil
}

// saveToSent puts a copy of a mail that was sent into the Sent folder, unless it is there.
func (c *Connector) saveToSent(ctx context.Context, mail []byte, messageID string) error {
	ctx, cancel := context.WithTimeout(ctx, c.pace.test)
	defer cancel()
	s, err := c.dialIMAP(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	there, err := s.sentHolds(messageID)
	if err != nil || there {
		return err
	}
	sent, err := s.sentFolder()
	if err != nil {
		return err
	}
	cmd := s.client.Append(sent, int64(len(mail)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: c.host.Now()})
	_, err = cmd.Write(mail)
	if closeErr := cmd.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("append to %s: %w", sent, err)
	}
	if _, err := cmd.Wait(); err != nil {
		return fmt.Errorf("append to %s: %w", sent, err)
	}
	return nil
}

var _ connectors.Finder = (*Connector)(nil)
