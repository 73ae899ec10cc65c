package inbox_test

import (
	"testing"

	"parley/internal/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
