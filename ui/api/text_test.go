package api

import "testing"

func TestANULIsFoundWhereItIsOne(t *testing.T) {
	for body, want := range map[string]bool{
		`{"a":"\u0000"}`: true, `{"a":"x\u0000y"}`: true, `{"a":"\\\u0000"}`: true, `{"a\u0000":1}`: true, `["\"\u0000"]`: true,
		`{"a":"\\u0000"}`: false, `{"a":"u0000"}`: false, `{"a":"\\\\u0000"}`: false, `{"a":"\u00001"}`: true, `\`: false, ``: false, `{"a":"\u0001"}`: false,
	} {
		if hasNUL([]byte(body)) != want {
			t.Errorf("%s: found is %t", body, !want)
		}
	}
	for s, want := range map[string]bool{"/a?q=%D1%8F": true, "/a?q=%00": false, "/a?q=%ff": false, "/%00": false, "k\xff": false, "100%": true, "a\x00": false, "": true} {
		if text(s) != want {
			t.Errorf("%q is text: %t", s, !want)
		}
	}
}
