-- +goose Up
ALTER TABLE messages ADD COLUMN body_visible TEXT NOT NULL DEFAULT ''; -- body_text without quotes and signature, '' when that is the same
