package crm

import (
	"errors"
	"fmt"
	"time"

	"parley/internal/db"
	"parley/internal/fault"
	"parley/internal/ids"
	"parley/realtime/eventlog"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Lead is a chance that came of a contact.
type Lead struct {
	ID             string `gorm:"primaryKey"`
	Number         int64
	Title          string
	PipelineID     string
	StageID        string
	ContactID      string
	ConversationID string
	OwnerID        string
	Source         db.Map
	Temperature    string
	Score          int
	Amount         string
	Currency       string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	UpdatedAt      int64 `gorm:"autoUpdateTime:false"`
	Version        int64
}

// Money is an amount as the API shows it.
type Money struct {
	Amount   string `json:"amount" pattern:"^-?[0-9]{1,15}(\\.[0-9]{1,4})?$"`
	Currency string `json:"currency" pattern:"^[A-Z]{3}$"`
}

// LeadView is a lead as the API shows it.
type LeadView struct {
	ID             string         `json:"id"`
	Number         int64          `json:"number"`
	Title          string         `json:"title"`
	StageID        string         `json:"stage_id"`
	PipelineID     string         `json:"pipeline_id"`
	ContactID      string         `json:"contact_id"`
	ConversationID *string        `json:"conversation_id"`
	OwnerID        *string        `json:"owner_id"`
	Source         map[string]any `json:"source"`
	Temperature    string         `json:"temperature" enum:"cold,warm,hot"`
	Score          int            `json:"score"`
	Value          *Money         `json:"value"`
	CreatedAt      time.Time      `json:"created_at"`
	UpdatedAt      time.Time      `json:"updated_at"`
	Version        int64          `json:"version"`
}

// View is l as the API shows it.
func (l *Lead) View() LeadView {
	v := LeadView{
		ID: l.ID, Number: l.Number, Title: l.Title, StageID: l.StageID, PipelineID: l.PipelineID, ContactID: l.ContactID,
		ConversationID: db.OrNull(l.ConversationID), OwnerID: db.OrNull(l.OwnerID), Source: l.Source.Object(), Temperature: l.Temperature, Score: l.Score,
		CreatedAt: db.Time(l.CreatedAt), UpdatedAt: db.Time(l.UpdatedAt), Version: l.Version,
	}
	if l.Amount != "" {
		v.Value = &Money{l.Amount, l.Currency}
	}
	return v
}

// Pipeline is an ordered set of stages that leads and deals go through.
type Pipeline struct {
	ID        string `gorm:"primaryKey"`
	Name      string
	IsDefault bool
	Position  int
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

// Stage is one step of a pipeline.
type Stage struct {
	ID         string `gorm:"primaryKey"`
	PipelineID string
	Name       string
	Position   int
	Kind       string // open, won, lost
}

// Seed makes the default pipeline of a fresh installation. Called again, or by several nodes at once, it changes nothing.
func Seed(tx *gorm.DB, now time.Time) error {
	p := Pipeline{ID: ids.New(), Name: "Sales", IsDefault: true, CreatedAt: now.UnixMilli()}
	res := tx.Exec(`INSERT INTO pipelines (id, name, is_default, position, created_at) SELECT ?, ?, TRUE, 0, ? WHERE NOT EXISTS (SELECT 1 FROM pipelines) ON CONFLICT DO NOTHING`, p.ID, p.Name, p.CreatedAt)
	if res.Error != nil || res.RowsAffected == 0 {
		return res.Error
	}
	for i, s := range []struct{ name, kind string }{{"New", "open"}, {"Qualified", "open"}, {"Proposal", "open"}, {"Won", "won"}, {"Lost", "lost"}} {
		if err := tx.Create(&Stage{ID: ids.New(), PipelineID: p.ID, Name: s.name, Position: i, Kind: s.kind}).Error; err != nil {
			return err
		}
	}
	return nil
}

// NewLead is what a lead is opened with.
type NewLead struct {
	Title          string
	PipelineID     string // "" for the default one
	ContactID      string
	ConversationID string
	OwnerID        string
	Source         map[string]any
	Audience       eventlog.Audience
	At             time.Time
}

// OpenLeadTx opens a lead in the first stage of its pipeline.
func (k *Known) OpenLeadTx(tx *gorm.DB, n NewLead) (*Lead, error) {
	stage, err := k.firstStageTx(tx, n.PipelineID)
	if err != nil {
		return nil, err
	}
	l := &Lead{ID: ids.New(), Title: n.Title, PipelineID: stage.PipelineID, StageID: stage.ID, ContactID: n.ContactID, ConversationID: n.ConversationID,
		OwnerID: n.OwnerID, Source: n.Source, Temperature: "cold", CreatedAt: n.At.UnixMilli(), UpdatedAt: n.At.UnixMilli(), Version: 1}
	k.leads[l.ContactID] = l.ID
	db.NumberTx(tx, "lead", &l.Number)
	if err := db.StoreTx(tx, l); err != nil {
		return nil, fmt.Errorf("open lead: %w", err)
	}
	return l, eventlog.AppendTx(tx, eventlog.Event{Type: "lead.created", Subject: l.ID, Conversation: l.ConversationID, Audience: n.Audience,
		Data: eventlog.Late(func() any { return l.View() })})
}

// firstStageTx is the first stage of a pipeline, or of the default one when that is gone.
func (k *Known) firstStageTx(tx *gorm.DB, pipelineID string) (Stage, error) {
	if s, ok := k.stages[pipelineID]; ok {
		return s, nil
	}
	var s Stage
	err := tx.Table("stages").Select("stages.*").Joins("JOIN pipelines p ON p.id = stages.pipeline_id").Where("p.id = ? OR p.is_default", pipelineID).
		Order(clause.Expr{SQL: "p.id <> ?, stages.position", Vars: []any{pipelineID}}).Take(&s).Error
	if err != nil {
		return s, fmt.Errorf("first stage of the pipeline: %w", err)
	}
	k.stages[pipelineID] = s
	return s, nil
}

// StageOfTx is a stage, fault.Invalid when the pipeline has no such one.
func StageOfTx(tx *gorm.DB, pipelineID, stageID string) (Stage, error) {
	var s Stage
	err := tx.Where("id = ? AND pipeline_id = ?", stageID, pipelineID).Take(&s).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return s, fault.Invalid("stage_id", "unknown", "the pipeline has no such stage")
	}
	return s, err
}
