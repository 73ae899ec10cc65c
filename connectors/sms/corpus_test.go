package sms

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/connectors"
	"parley/connectors/connectortest"
	"parley/connectors/connectortest/faketwilio"
)

type recorded struct {
	Case        string
	URL         string
	ContentType string `json:"content_type"`
	Params      map[string]string
	Body        string
	AuthToken   string `json:"auth_token"`
	Signature   string `json:"x_twilio_signature"`
	Expect      struct {
		Action      string
		Phone       *string `json:"phone_e164"`
		Text        *string
		Attachments int
		DisplayName string `json:"display_name"`
		Status      string
		Error       string
		Valid       bool `json:"signature_valid"`
	}
}

func (r *recorded) form() url.Values {
	f := url.Values{}
	for k, v := range r.Params {
		f.Set(k, v)
	}
	return f
}

// The cases of voice belong to telephony; here only their signatures are looked at.
func TestAuthoredCorpus(t *testing.T) {
	b, err := os.ReadFile(connectortest.Corpus(t, "webhooks-authored/twilio.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	for line := range bytes.Lines(b) {
		var r recorded
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		played++
		t.Run(r.Case, func(t *testing.T) { r.play(t) })
	}
	if played != 15 {
		t.Errorf("%d cases, the corpus has 15", played)
	}
}

func (r *recorded) play(t *testing.T) {
	host := connectortest.NewHost()
	c := &twilio{config: twilioConfig{AccountSID: r.Params["AccountSid"], AuthToken: r.AuthToken}, host: host.Host}
	u, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimSuffix(strings.TrimPrefix(u.Path, "/hooks/twilio"), "/sms")
	req := connectors.WebhookRequest{Method: http.MethodPost, Path: path, URL: r.URL, Query: u.Query(), Body: []byte(r.Body),
		Header: http.Header{"Content-Type": {r.ContentType}, "X-Twilio-Signature": {r.Signature}}}
	if want := r.Expect.Action != "reject_403"; c.signed(req, r.form()) != want {
		t.Fatalf("the signature counts as good: %v", !want)
	}
	if path != inboundPath && path != statusPath {
		return
	}
	sink := connectortest.NewSink()
	answer := c.Webhook(t.Context(), req, sink)
	switch r.Expect.Action {
	case "message":
		r.message(t, answer, sink)
	case "delivery_status":
		d := sink.Deliveries()
		if answer.Status != 200 || len(d) != 1 || d[0].State != r.Expect.Status || !strings.Contains(d[0].Reason, r.Expect.Error) || d[0].ProviderID != r.Params["MessageSid"] {
			t.Errorf("answered %d, %+v", answer.Status, d)
		}
	case "reject_403":
		if answer.Status != http.StatusForbidden || len(sink.Offered()) != 0 {
			t.Errorf("answered %d, offered %v", answer.Status, sink.Offered())
		}
	default:
		t.Errorf("nothing checks the action %q", r.Expect.Action)
	}
}

func (r *recorded) message(t *testing.T, answer connectors.WebhookAnswer, sink *connectortest.Sink) {
	t.Helper()
	if answer.Status != 200 || string(answer.Body) != "<Response/>" || answer.Type != "text/xml" || len(sink.Items()) != 1 {
		t.Fatalf("answered %d %q, %d stored", answer.Status, answer.Body, len(sink.Items()))
	}
	in, e := sink.Items()[0], r.Expect
	if in.Key != r.Params["MessageSid"] || in.Quarantine != "" {
		t.Errorf("key %q, quarantine %q", in.Key, in.Quarantine)
	}
	claim := in.Sender.Claims[0]
	if e.Phone != nil && (claim.Kind == connectors.KindPhone) != (*e.Phone != "") {
		t.Errorf("claim %+v, want the phone %q", claim, *e.Phone)
	}
	if e.Phone != nil && *e.Phone != "" && claim.Value != *e.Phone {
		t.Errorf("claim %+v, want the phone %q", claim, *e.Phone)
	}
	if e.Phone != nil && *e.Phone == "" && claim.Value != "sms:"+r.Params["From"] {
		t.Errorf("the sender is %+v, not kept as sent", claim)
	}
	if e.Text != nil && in.Text != *e.Text {
		t.Errorf("text %q, want %q", in.Text, *e.Text)
	}
	if len(in.Parts) != e.Attachments || in.Sender.Name != e.DisplayName {
		t.Errorf("%d files from %q, want %d from %q", len(in.Parts), in.Sender.Name, e.Attachments, e.DisplayName)
	}
}

// schema is the part of an OpenAPI schema that is compared here.
type schema struct {
	Ref        string            `json:"$ref"`
	Properties map[string]schema `json:"properties"`
	Required   []string
	Enum       []string
	Pattern    string
	Type       string
	Items      *schema
}

type parameter struct{ Name, In string }

type content map[string]struct{ Schema schema }

type openAPI struct {
	Paths map[string]map[string]struct {
		Parameters  []parameter
		RequestBody struct{ Content content } `json:"requestBody"`
		Responses   map[string]struct{ Content content }
	}
	Components struct{ Schemas map[string]schema }
}

const (
	messagesPath = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
	accountPath  = "/2010-04-01/Accounts/{Sid}.json"
)

func twiliosOwn(t *testing.T) *openAPI {
	t.Helper()
	b, err := os.ReadFile(connectortest.Corpus(t, "twilio-openapi/twilio_api_v2010.json"))
	if err != nil {
		t.Fatal(err)
	}
	var api openAPI
	// A path holds "description" and "servers" beside its methods; they are of other types and not wanted.
	var raw struct {
		Paths      map[string]map[string]json.RawMessage
		Components json.RawMessage
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]map[string]json.RawMessage{}
	for _, p := range []string{messagesPath, accountPath} {
		wanted[p] = map[string]json.RawMessage{}
		for _, method := range []string{"get", "post"} {
			if m, there := raw.Paths[p][method]; there {
				wanted[p][method] = m
			}
		}
	}
	cut, err := json.Marshal(map[string]any{"paths": wanted, "components": raw.Components})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(cut, &api); err != nil {
		t.Fatal(err)
	}
	return &api
}

// follow resolves a reference.
func (a *openAPI) follow(s schema) schema {
	if s.Ref == "" {
		return s
	}
	return a.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
}

// accepts checks a form as Twilio's description would.
func (a *openAPI) accepts(t *testing.T, s schema, form url.Values) {
	t.Helper()
	for _, name := range s.Required {
		if form.Get(name) == "" {
			t.Errorf("the field %s is required", name)
		}
	}
	for name, values := range form {
		p, known := s.Properties[name]
		if p = a.follow(p); !known {
			t.Errorf("there is no field %s", name)
		}
		if p.Type != "array" && len(values) > 1 {
			t.Errorf("%s is given %d times", name, len(values))
		}
		for _, v := range values {
			if len(p.Enum) > 0 && !slices.Contains(p.Enum, v) {
				t.Errorf("%s: %q is none of %v", name, v, p.Enum)
			}
			if p.Pattern != "" && !regexp.MustCompile(p.Pattern).MatchString(v) {
				t.Errorf("%s: %q is not like %s", name, v, p.Pattern)
			}
		}
	}
}

// shaped checks that an answer has no fields but the described ones, and all of them.
func (a *openAPI) shaped(t *testing.T, what string, s schema, got map[string]any) {
	t.Helper()
	s = a.follow(s)
	for name, v := range got {
		p, known := s.Properties[name]
		if !known {
			t.Errorf("%s: Twilio has no field %s", what, name)
		}
		if text, ok := v.(string); ok && len(a.follow(p).Enum) > 0 && !slices.Contains(a.follow(p).Enum, text) {
			t.Errorf("%s: %s cannot be %q", what, name, text)
		}
	}
	for name := range s.Properties {
		if _, there := got[name]; !there {
			t.Errorf("%s: the fake leaves out %s", what, name)
		}
	}
}

func TestOurRequestsAreTwilios(t *testing.T) {
	api := twiliosOwn(t)
	b := newBench(t, nil)
	service := newBench(t, map[string]string{"messaging_service_sid": "MG00000000000000000000000000000001"})
	out := hello
	out.Parts = []connectors.OutAttachment{{Name: "a", URL: link("https://hub.test/a")}, {Name: "b", URL: link("https://hub.test/b")}}
	for _, x := range []*bench{b, service} {
		if _, err := x.Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		form := x.api.Requests()[0]
		api.accepts(t, api.Paths[messagesPath]["post"].RequestBody.Content["application/x-www-form-urlencoded"].Schema, form)
	}
	known := api.Paths[messagesPath]["get"].Parameters
	for _, name := range []string{"To", "PageSize", "Page", "PageToken"} { // what Find asks with
		if !slices.Contains(known, parameter{name, "query"}) {
			t.Errorf("the list of messages takes no %s", name)
		}
	}
	for status := range states {
		if !slices.Contains(api.Components.Schemas["message_enum_status"].Enum, status) {
			t.Errorf("Twilio has no status %q", status)
		}
	}
	for _, status := range api.Components.Schemas["message_enum_status"].Enum {
		if states[status] == "" && goesOut(status) {
			t.Errorf("Twilio's status %q is not known here", status)
		}
	}
}

func TestTheFakeAnswersAsTwilioDoes(t *testing.T) {
	api := twiliosOwn(t)
	b := newBench(t, nil)
	if _, err := b.Send(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	base := b.api.URL + "/2010-04-01/Accounts/" + b.api.AccountSID
	message := schema{Ref: "#/api.v2010.account.message"}
	list := get(t, b.api, base+"/Messages.json")
	api.shaped(t, "list", api.Paths[messagesPath]["get"].Responses["200"].Content["application/json"].Schema, list)
	api.shaped(t, "message in the list", message, list["messages"].([]any)[0].(map[string]any))
	api.shaped(t, "message", message, get(t, b.api, base+"/Messages/"+b.api.Taken()[0].SID+".json"))
	api.shaped(t, "account", api.Paths[accountPath]["get"].Responses["200"].Content["application/json"].Schema, get(t, b.api, base+".json"))
}

func get(t *testing.T, api *faketwilio.Server, address string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(api.AccountSID, api.AuthToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var v map[string]any
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
