package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

const module = "parley"

// sourceFile is one Go file of ours.
type sourceFile struct {
	path    string // from the module's root, with slashes
	imports []string
	ast     *ast.File
	fset    *token.FileSet
}

// pkg is the folder of the file.
func (f sourceFile) pkg() string { return path.Dir(f.path) }

func (f sourceFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// isForTests tells whether a file is a test or belongs to a package that only tests use.
func (f sourceFile) isForTests() bool {
	return f.isTest() || strings.HasSuffix(f.pkg(), "test") || strings.Contains(f.path, "connectortest/")
}

// house reads every Go file below root, whatever its build tags.
func house(root string) ([]sourceFile, error) {
	var files []sourceFile
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "dist" || name == "data") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := read(root, p)
		files = append(files, f)
		return err
	})
	return files, err
}

func read(root, p string) (sourceFile, error) {
	rel, err := filepath.Rel(root, p)
	if err != nil {
		return sourceFile{}, err
	}
	f := sourceFile{path: filepath.ToSlash(rel), fset: token.NewFileSet()}
	if f.ast, err = parser.ParseFile(f.fset, p, nil, parser.SkipObjectResolution); err != nil {
		return f, err
	}
	for _, spec := range f.ast.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return f, err
		}
		f.imports = append(f.imports, name)
	}
	return f, nil
}

// ours is the folder of an imported package of this module.
func ours(imported string) (folder string, ok bool) { return strings.CutPrefix(imported, module+"/") }

// isStandard tells whether an import is of the standard library.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") && first != module
}

// clockReads are the places where a file asks the machine for the time. A connection's deadline is not counted: the system
// compares it with its own clock, so it must be made from that.
func clockReads(f sourceFile) []string {
	timeName := "time"
	for _, spec := range f.ast.Imports {
		if spec.Path.Value == `"time"` && spec.Name != nil {
			timeName = spec.Name.Name
		}
	}
	var places []string
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if isDeadline(n) {
			return false
		}
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == timeName {
			switch sel.Sel.Name {
			case "Now", "Since", "Until":
				places = append(places, f.path+":"+strconv.Itoa(f.fset.Position(sel.Pos()).Line)+" time."+sel.Sel.Name)
			}
		}
		return true
	})
	return places
}

// isDeadline tells whether n is a call like conn.SetReadDeadline(…).
func isDeadline(n ast.Node) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && strings.HasPrefix(sel.Sel.Name, "Set") && strings.HasSuffix(sel.Sel.Name, "Deadline")
}
