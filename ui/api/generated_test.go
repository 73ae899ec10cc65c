package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write ui/app/openapi.json anew")

// The app's types are made from ui/app/openapi.json: it must be what the API says of itself today.
func TestGeneratedDescriptionIsTodays(t *testing.T) {
	const path = "../app/openapi.json"
	raw, err := Describe("dev")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Indent(&want, raw, "", " "); err != nil {
		t.Fatal(err)
	}
	want.WriteByte('\n')
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want.Bytes()) {
		t.Error("ui/app/openapi.json is not what the API says of itself; make generate writes it anew")
	}
}
