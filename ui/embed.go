// Package ui holds the built web pages: the agents' app and the visitors' widget. `make build` fills them; without it the
// program says so in place of the page.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:app/dist all:widget/dist
var files embed.FS

// App is the agents' app, Widget the website chat.
var (
	App    = sub("app/dist")
	Widget = sub("widget/dist")
)

func sub(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // the folders are embedded above
	}
	return f
}
