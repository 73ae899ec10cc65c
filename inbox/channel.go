package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"parley/connectors"
	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/internal/once"
	"parley/internal/sanitize"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
)

// Channel is a connected mailbox, number, bot, widget, phone line or form.
type Channel struct {
	ID          string `gorm:"primaryKey"`
	Type        string
	Name        string
	Config      string // JSON without the secrets
	Secrets     string // sealed JSON: path → value
	Disabled    bool
	State       string
	StateDetail string
	LeaseOwner  string
	LeaseUntil  int64
	CreatedAt   int64 `gorm:"autoCreateTime:false"`
	UpdatedAt   int64 `gorm:"autoUpdateTime:false"`
	Version     int64
}

// common are the parts of a config that every type has.
type common struct {
	DefaultRegion string `json:"default_region"`
	Signature     string `json:"signature"` // under mails whose author has none
	// NewSubject says what a mail with another subject does that answers one of ours: "join" (default) or "new_conversation".
	NewSubject string `json:"new_subject"`
	Lead       struct {
		Create     string `json:"create"`
		PipelineID string `json:"pipeline_id"`
		Owner      string `json:"owner"`
	} `json:"lead"`
}

func (c *Channel) common() (x common) {
	_ = json.Unmarshal([]byte(c.Config), &x)
	if x.Lead.Create == "" {
		x.Lead.Create = "new_contact"
	}
	return x
}

// ChannelView is a channel as the API shows it: secrets are "***".
type ChannelView struct {
	ID            string            `json:"id"`
	Type          string            `json:"type" enum:"email,sms,telegram,webchat,telephony,form"`
	Name          string            `json:"name"`
	State         string            `json:"state" enum:"connecting,connected,error,unauthorized,disabled"`
	StateDetail   string            `json:"state_detail"`
	WebhookURLs   map[string]string `json:"webhook_urls"`
	Config        map[string]any    `json:"config"`
	LastInboundAt *time.Time        `json:"last_inbound_at"`
	CreatedAt     time.Time         `json:"created_at"`
	Version       int64             `json:"version"`
}

// hooks are the paths below a channel's webhook URL that its provider calls.
var hooks = map[string]map[string]string{
	connectors.SMS:       {"inbound": "", "status": "/status"},
	connectors.Telegram:  {"updates": ""},
	connectors.Telephony: {"events": "", "status": "/status", "recording": "/recording"},
	connectors.Form:      {"submit": ""},
}

func (b *Inbox) hookURL(c *Channel) string { return b.publicURL + "/hooks/" + c.Type + "/" + c.ID }

func (b *Inbox) channelView(c *Channel) ChannelView {
	v := ChannelView{ID: c.ID, Type: c.Type, Name: c.Name, State: c.State, StateDetail: c.StateDetail, WebhookURLs: map[string]string{}, Config: map[string]any{},
		CreatedAt: db.Time(c.CreatedAt), Version: c.Version}
	if c.Disabled {
		v.State, v.StateDetail = connectors.StateDisabled, ""
	}
	for name, path := range hooks[c.Type] {
		v.WebhookURLs[name] = b.hookURL(c) + path
	}
	_ = json.Unmarshal([]byte(c.Config), &v.Config)
	if secrets, err := b.openSecrets(c); err == nil {
		for path := range secrets {
			putPath(v.Config, path, masked)
		}
	}
	return v
}

// masked stands for a secret that is set. Sent back in a PATCH it leaves the secret as it is.
const masked = "***"

// CreateChannel connects a channel.
func (b *Inbox) CreateChannel(ctx context.Context, typ, name string, config map[string]any) (ChannelView, error) {
	f, ok := b.factories[typ]
	if !ok {
		return ChannelView{}, fault.Invalid("type", "unknown", "there is no channel type %q", typ)
	}
	name = strings.TrimSpace(sanitize.Line(name))
	if name == "" {
		return ChannelView{}, fault.Invalid("name", "required", "a channel needs a name")
	}
	if config == nil {
		config = map[string]any{}
	}
	now := b.now().UnixMilli()
	c := &Channel{ID: ids.New(), Type: typ, Name: name, State: connectors.StateConnecting, CreatedAt: now, UpdatedAt: now, Version: 1}
	if err := b.setConfig(c, f, config); err != nil {
		return ChannelView{}, err
	}
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(c).Error; err != nil {
			return fmt.Errorf("create channel: %w", err)
		}
		if err := once.Tx(tx, c.ID); err != nil {
			return err
		}
		return b.tellChannelTx(tx, c)
	})
	if err != nil {
		return ChannelView{}, err
	}
	b.channels.forget(c.ID)
	b.live.Changed(c.ID)
	return b.channelView(c), nil
}

func (b *Inbox) tellChannelTx(tx *gorm.DB, c *Channel) error {
	v := b.channelView(c)
	return eventlog.AppendTx(tx, eventlog.Event{Type: "channel.state", Subject: c.ID, Data: struct {
		ID          string `json:"id"`
		Type        string `json:"type"`
		Name        string `json:"name"`
		State       string `json:"state"`
		StateDetail string `json:"state_detail"`
	}{c.ID, c.Type, c.Name, v.State, v.StateDetail}})
}

// setConfig checks config and takes its secrets apart. What is "***" keeps the value that c has.
func (b *Inbox) setConfig(c *Channel, f connectors.Factory, config map[string]any) error {
	had, err := b.openSecrets(c)
	if err != nil {
		return err
	}
	for _, path := range f.Secrets {
		if v, ok := getPath(config, path); ok && v == masked {
			if old, had := had[path]; had {
				putPath(config, path, old)
			}
		}
	}
	whole, err := json.Marshal(config)
	if err != nil {
		return fault.Invalid("config", "invalid", "the config is no JSON object")
	}
	if err := b.checkConfig(f, whole); err != nil {
		return err
	}
	secrets := map[string]string{}
	for _, path := range f.Secrets {
		if v, ok := getPath(config, path); ok {
			if s, isText := v.(string); isText && s != "" {
				secrets[path] = s
			}
			dropPath(config, path)
		}
	}
	public, err := json.Marshal(config)
	if err != nil {
		return err
	}
	sealed, err := json.Marshal(secrets)
	if err != nil {
		return err
	}
	c.Config = string(public)
	c.Secrets, err = b.secrets.Seal("channel "+c.ID, sealed)
	return err
}

func (b *Inbox) checkConfig(f connectors.Factory, config []byte) error {
	var fields []fault.Field
	var x common
	if err := json.Unmarshal(config, &x); err != nil {
		return fault.Invalid("config", "invalid", "default_region is text and lead an object")
	}
	if x.DefaultRegion != "" && (len(x.DefaultRegion) != 2 || strings.ToUpper(x.DefaultRegion) != x.DefaultRegion) {
		fields = append(fields, fault.Field{Field: "config.default_region", Code: "invalid", Message: "two capital letters (ISO 3166), such as RU"})
	}
	switch x.NewSubject {
	case "", "join", "new_conversation":
	default:
		fields = append(fields, fault.Field{Field: "config.new_subject", Code: "invalid", Message: "join or new_conversation"})
	}
	switch x.Lead.Create {
	case "", "always", "new_contact", "never":
	default:
		fields = append(fields, fault.Field{Field: "config.lead.create", Code: "invalid", Message: "always, new_contact or never"})
	}
	for _, e := range f.Check(config) {
		fields = append(fields, fault.Field{Field: "config." + strings.TrimPrefix(e.Field, "config."), Code: e.Code, Message: e.Message})
	}
	if len(fields) > 0 {
		return fault.InvalidFields(fields)
	}
	return nil
}

func (b *Inbox) openSecrets(c *Channel) (map[string]string, error) {
	out := map[string]string{}
	if c.Secrets == "" {
		return out, nil
	}
	plain, err := b.secrets.Open("channel "+c.ID, c.Secrets)
	if err != nil {
		return nil, fmt.Errorf("credentials of channel %s: %w", c.ID, err)
	}
	return out, json.Unmarshal(plain, &out)
}

// Config is a channel's whole config with its secrets in clear, for its connector alone.
func (b *Inbox) fullConfig(c *Channel) (json.RawMessage, error) {
	secrets, err := b.openSecrets(c)
	if err != nil {
		return nil, err
	}
	config := map[string]any{}
	if err := json.Unmarshal([]byte(c.Config), &config); err != nil {
		return nil, err
	}
	for path, v := range secrets {
		putPath(config, path, v)
	}
	return json.Marshal(config)
}

// ChannelPatch is what may be changed of a channel; nil leaves it.
type ChannelPatch struct {
	Name   *string
	Config map[string]any
	// IfVersion, when not 0, refuses the patch with fault.Stale unless the channel is at it.
	IfVersion int64
}

// PatchChannel changes a channel and starts its connector anew. Config is merged, as RFC 7396 says.
func (b *Inbox) PatchChannel(ctx context.Context, id string, p ChannelPatch) (ChannelView, error) {
	return b.changeChannel(ctx, id, p.IfVersion, func(c *Channel) error {
		if p.Name != nil {
			if c.Name = strings.TrimSpace(sanitize.Line(*p.Name)); c.Name == "" {
				return fault.Invalid("name", "required", "a channel needs a name")
			}
		}
		if p.Config == nil {
			return nil
		}
		whole, err := b.fullConfig(c)
		if err != nil {
			return err
		}
		config := map[string]any{}
		if err := json.Unmarshal(whole, &config); err != nil {
			return err
		}
		mergePatch(config, p.Config)
		c.State, c.StateDetail = connectors.StateConnecting, ""
		return b.setConfig(c, b.factories[c.Type], config)
	})
}

// KeepSecret replaces one secret of a channel that its provider has changed by itself. The connectors go on running: they know it.
func (b *Inbox) KeepSecret(ctx context.Context, id, path, value string) error {
	return b.db.Tx(ctx, func(tx *gorm.DB) error {
		c := &Channel{}
		if err := forUpdate(tx).Where("id = ?", id).Take(c).Error; err != nil {
			return notFound(err, "channel")
		}
		secrets, err := b.openSecrets(c)
		if err != nil {
			return err
		}
		secrets[path] = value
		plain, err := json.Marshal(secrets)
		if err != nil {
			return err
		}
		sealed, err := b.secrets.Seal("channel "+id, plain)
		if err != nil {
			return err
		}
		return tx.Model(&Channel{}).Where("id = ?", id).UpdateColumn("secrets", sealed).Error
	})
}

// EnableChannel starts or stops a channel.
func (b *Inbox) EnableChannel(ctx context.Context, id string, enabled bool) (ChannelView, error) {
	return b.changeChannel(ctx, id, 0, func(c *Channel) error {
		c.Disabled = !enabled
		c.State, c.StateDetail = connectors.StateConnecting, ""
		return nil
	})
}

func (b *Inbox) changeChannel(ctx context.Context, id string, ifVersion int64, change func(*Channel) error) (ChannelView, error) {
	c := &Channel{}
	err := b.log.Transaction(ctx, func(tx *gorm.DB) error {
		if err := forUpdate(tx).Where("id = ?", id).Take(c).Error; err != nil {
			return notFound(err, "channel")
		}
		if ifVersion != 0 && ifVersion != c.Version {
			return fault.Stale("the channel was changed meanwhile")
		}
		if err := change(c); err != nil {
			return err
		}
		c.Version++
		c.UpdatedAt = b.now().UnixMilli()
		err := tx.Model(&Channel{}).Where("id = ?", id).UpdateColumns(map[string]any{"name": c.Name, "config": c.Config, "secrets": c.Secrets, "disabled": c.Disabled,
			"state": c.State, "state_detail": c.StateDetail, "version": c.Version, "updated_at": c.UpdatedAt}).Error
		if err != nil {
			return err
		}
		return b.tellChannelTx(tx, c)
	})
	if err != nil {
		return ChannelView{}, err
	}
	b.channels.forget(id)
	b.live.Changed(id)
	return b.channelView(c), nil
}

// TestChannel tries a channel's credentials. The error is for the admin to read.
func (b *Inbox) TestChannel(ctx context.Context, id string) error {
	if _, err := b.Channel(ctx, id); err != nil {
		return err
	}
	conn, err := b.live.Connector(id)
	if err != nil {
		return err
	}
	if t, ok := conn.(connectors.Tester); ok {
		return t.Test(ctx)
	}
	return nil
}

// ListChannels is all channels, oldest first, with when something last came in.
func (b *Inbox) ListChannels(ctx context.Context) ([]ChannelView, error) {
	var rows []Channel
	if err := b.db.Read(ctx).Order("created_at, id").Limit(1000).Find(&rows).Error; err != nil {
		return nil, err
	}
	out := make([]ChannelView, len(rows))
	for i := range rows {
		v, err := b.withLast(ctx, &rows[i])
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// ShowChannel is one channel as the API shows it.
func (b *Inbox) ShowChannel(ctx context.Context, id string) (ChannelView, error) {
	c, err := b.Channel(ctx, id)
	if err != nil {
		return ChannelView{}, err
	}
	return b.withLast(ctx, c)
}

func (b *Inbox) withLast(ctx context.Context, c *Channel) (ChannelView, error) {
	v := b.channelView(c)
	var last *int64
	if err := b.db.Read(ctx).Raw("SELECT MAX(received_at) FROM journal WHERE channel_id = ?", c.ID).Scan(&last).Error; err != nil {
		return v, err
	}
	if last != nil {
		v.LastInboundAt = db.TimeOrNull(*last)
	}
	return v, nil
}

// Channel is a channel's row, fault.NotFound when there is none.
func (b *Inbox) Channel(ctx context.Context, id string) (*Channel, error) {
	if !storable(id) { // anybody can write one into a webhook's address
		return nil, fault.NotFound("this channel does not exist")
	}
	c := &Channel{}
	if err := b.db.Read(ctx).Where("id = ?", id).Take(c).Error; err != nil {
		return nil, notFound(err, "channel")
	}
	return c, nil
}

// channelCache keeps what the way in asks of a channel for every item. Another node's change is seen within its ttl.
type channelCache struct {
	mu sync.Mutex
	by map[string]cachedChannel
}

type cachedChannel struct {
	c  *Channel
	at time.Time
}

const channelTTL = 2 * time.Second

func (k *channelCache) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.by, id)
}

func (b *Inbox) cachedChannel(ctx context.Context, id string) (*Channel, error) {
	now := b.now()
	b.channels.mu.Lock()
	x, ok := b.channels.by[id]
	b.channels.mu.Unlock()
	if ok && now.Sub(x.at) < channelTTL {
		return x.c, nil
	}
	c, err := b.Channel(ctx, id)
	if err != nil {
		return nil, err
	}
	b.channels.mu.Lock()
	defer b.channels.mu.Unlock()
	if b.channels.by == nil {
		b.channels.by = map[string]cachedChannel{}
	}
	b.channels.by[id] = cachedChannel{c, now}
	return c, nil
}

func getPath(m map[string]any, path string) (any, bool) {
	first, rest, deeper := strings.Cut(path, ".")
	v, ok := m[first]
	if !deeper {
		return v, ok
	}
	sub, isMap := v.(map[string]any)
	if !isMap {
		return nil, false
	}
	return getPath(sub, rest)
}

func putPath(m map[string]any, path string, v any) {
	first, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		m[first] = v
		return
	}
	sub, ok := m[first].(map[string]any)
	if !ok {
		sub = map[string]any{}
		m[first] = sub
	}
	putPath(sub, rest, v)
}

func dropPath(m map[string]any, path string) {
	first, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		delete(m, first)
	} else if sub, ok := m[first].(map[string]any); ok {
		dropPath(sub, rest)
	}
}

// mergePatch is JSON Merge Patch (RFC 7396) on decoded objects.
func mergePatch(into, patch map[string]any) {
	for k, v := range patch {
		sub, isMap := v.(map[string]any)
		old, had := into[k].(map[string]any)
		switch {
		case v == nil:
			delete(into, k)
		case isMap && had:
			mergePatch(old, sub)
		default:
			into[k] = v
		}
	}
}
