package inbox

import (
	"testing"

	"parley/connectors"
)

// A list that previews "On Monday Ann wrote:" tells nobody anything; the whole text is still what is kept and searched.
func TestListsPreviewWhatIsNewAndNothingIsLost(t *testing.T) {
	each(t, func(r *rig) {
		box := r.channel(connectors.Email, nil)
		in := mail("vera@customer.example", "one@x", "> Is it blue?\n\nYes.\n\n-- \nVera")
		in.Visible = "Yes."
		in.HTML = `<blockquote data-parley-fold="quote" onclick="x()">Is it blue?</blockquote><p data-parley-fold="evil">Yes.</p>`
		got := r.took(box, in)
		m := r.message(got.MessageID)
		if m.BodyText != in.Text || m.VisibleText != "Yes." {
			t.Errorf("text %q, visible %q", m.BodyText, m.VisibleText)
		}
		if want := `<blockquote data-parley-fold="quote">Is it blue?</blockquote><p>Yes.</p>`; m.BodyHTML != want {
			t.Errorf("html %s", m.BodyHTML)
		}
		if p := r.conversation(got.ConversationID).LastMessage.Preview; p != "Yes." {
			t.Errorf("preview %q", p)
		}
		whole := r.took(box, mail("vera@customer.example", "two@x", "All of this is new."))
		if m := r.message(whole.MessageID); m.VisibleText != "" || m.BodyText != "All of this is new." {
			t.Errorf("text %q, visible %q", m.BodyText, m.VisibleText)
		}
	})
}
