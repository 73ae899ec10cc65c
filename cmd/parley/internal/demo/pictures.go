package demo

import (
	"bytes"
	_ "embed"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
)

// voice is a synthetic voice (espeak-ng, Opus) that asks about a bent frond.
//
//go:embed assets/voice.ogg
var voice []byte

const voiceSeconds = 10

// plant draws a potted plant; ailing ones have brown leaves that hang.
func plant(ailing bool) image.Image {
	const width, height = 480, 600
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	wall, pot := color.RGBA{238, 234, 224, 255}, color.RGBA{184, 96, 62, 255}
	for y := range height {
		for x := range width {
			m.Set(x, y, wall)
			if side := float64(y-420) * 0.18; y > 420 && y < 570 && math.Abs(float64(x-width/2)) < 100-side {
				m.Set(x, y, pot)
			}
		}
	}
	for i := range 9 {
		lean := (float64(i) - 4) / 4
		tint := color.RGBA{uint8(40 + 8*i), uint8(110 + 9*(i%4)), 60, 255}
		droop := 0.0
		if ailing && i%2 == 0 {
			tint, droop = color.RGBA{150, 112, 52, 255}, 150
		}
		leaf(m, lean, droop, tint)
	}
	return m
}

// leaf is a row of discs along a bent line from the pot upwards, thick in the middle.
func leaf(m *image.RGBA, lean, droop float64, tint color.RGBA) {
	for t := 0.0; t <= 1; t += 0.004 {
		x := 240 + lean*210*t
		y := 425 - 330*t*(1-0.25*math.Abs(lean)) + (droop+90*math.Abs(lean))*t*t
		r := 2 + 24*math.Sin(math.Pi*t)*t
		for dy := -r; dy <= r; dy++ {
			for dx := -r; dx <= r; dx++ {
				if dx*dx+dy*dy <= r*r {
					m.Set(int(x+dx), int(y+dy), tint)
				}
			}
		}
	}
}

func pngOf(m image.Image) []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, m) // a buffer takes everything
	return b.Bytes()
}

func jpegOf(m image.Image) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, &jpeg.Options{Quality: 80})
	return b.Bytes()
}

// sheet is a PDF of one page with lines of text.
func sheet(lines ...string) []byte {
	var text bytes.Buffer
	text.WriteString("BT /F1 14 Tf 60 760 Td 22 TL\n")
	for _, l := range lines {
		fmt.Fprintf(&text, "(%s) Tj T*\n", l)
	}
	text.WriteString("ET")
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return b.Bytes()
}
