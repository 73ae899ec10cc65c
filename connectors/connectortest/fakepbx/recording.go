package fakepbx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

const rate = 8000 // samples a second, a telephone's

// Tone is a WAV file: a tone of hz hertz in 8 kHz mono, 16 bit.
func Tone(hz float64, length time.Duration) []byte {
	samples := int(length.Seconds() * rate)
	var b bytes.Buffer
	b.WriteString("RIFF")
	put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a buffer takes everything
	put(uint32(36 + 2*samples))
	b.WriteString("WAVEfmt ")
	put(uint32(16))
	put(uint16(1)) // PCM
	put(uint16(1)) // channels
	put(uint32(rate))
	put(uint32(rate * 2)) // bytes a second
	put(uint16(2))        // bytes a sample
	put(uint16(16))       // bits a sample
	b.WriteString("data")
	put(uint32(2 * samples))
	for i := range samples {
		put(int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/rate)))
	}
	return b.Bytes()
}

// RecordingURL is the link to a recording of a call: a tone of so many seconds. It is served without further ado.
func (p *PBX) RecordingURL(callID string, seconds int) string {
	return fmt.Sprintf("%s/recordings/%d/0/%s.wav", p.base, seconds, callID)
}

// serveRecording serves /recordings/SECONDS/HOP/NAME.wav.
func (p *PBX) serveRecording(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) != 4 || parts[0] != "recordings" {
		http.NotFound(w, r)
		return
	}
	seconds, err1 := strconv.Atoi(parts[1])
	hop, err2 := strconv.Atoi(parts[2])
	if err1 != nil || err2 != nil || seconds < 0 || seconds > 3600 {
		http.NotFound(w, r)
		return
	}
	faults, asked := p.ask(parts[3])
	switch {
	case asked <= faults.NotFound:
		http.NotFound(w, r)
	case hop < faults.Redirects:
		http.Redirect(w, r, fmt.Sprintf("/recordings/%d/%d/%s", seconds, hop+1, parts[3]), http.StatusFound)
	default:
		send(w, faults, path.Base(r.URL.Path), Tone(440, time.Duration(seconds)*time.Second))
	}
}

func (p *PBX) ask(name string) (Faults, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[name]++
	return p.faults, p.asked[name]
}

func send(w http.ResponseWriter, faults Faults, name string, wav []byte) {
	kind := "audio/wav"
	if faults.ContentType != "" {
		kind = faults.ContentType
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	w.Header().Set("Content-Length", strconv.Itoa(len(wav)))
	if faults.CutAfter > 0 && faults.CutAfter < len(wav) {
		_, _ = w.Write(wav[:faults.CutAfter])
		_ = http.NewResponseController(w).Flush() // or nothing of it would leave
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(wav)
}
