// Verifies a transparency log with the code of Go's checksum database (golang.org/x/mod/sumdb of Debian's
// golang-golang-x-mod-dev): go run tlog.go LOG VKEY [OLD_CHECKPOINT]
//
// Signature, root, every record by its proof, and the old checkpoint's tree as the beginning of this one. Of records that
// were pruned, as the signed note `pruned` says, the hashes are verified, and the root that it names.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// folder reads tiles of height 8, whose paths in C2SP tlog-tiles leave the height out.
type folder string

func (f folder) Height() int                            { return 8 }
func (f folder) SaveTiles(tiles []tlog.Tile, _ [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		bytes, err := os.ReadFile(filepath.Join(string(f), "tile", strings.TrimPrefix(tile.Path(), "tile/8/")))
		if err != nil {
			return nil, err
		}
		read = append(read, bytes)
	}
	return read, nil
}

func checkpoint(path string, keys note.Verifiers) tlog.Tree {
	signed, err := note.Open(must(os.ReadFile(path)), keys)
	if err != nil {
		log.Fatalf("%s: %v", path, err)
	}
	lines := strings.Split(signed.Text, "\n")
	size := must(strconv.ParseInt(lines[1], 10, 64))
	var root tlog.Hash
	copy(root[:], must(base64.StdEncoding.DecodeString(lines[2])))
	return tlog.Tree{N: size, Hash: root}
}

// pruned answers how many records were pruned, and the root of their tree; the log's key must have signed the note.
func pruned(path string, keys note.Verifiers) tlog.Tree {
	var tree tlog.Tree
	bytes, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return tree
	}
	signed, err := note.Open(must(bytes, err), keys)
	if err != nil {
		log.Fatalf("%s: %v", path, err)
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 7 || lines[0] != "tollgate pruned v1" {
		log.Fatalf("%s: is no note of what was pruned", path)
	}
	tree.N = must(strconv.ParseInt(lines[3], 10, 64))
	copy(tree.Hash[:], must(base64.StdEncoding.DecodeString(lines[4])))
	return tree
}

func must[Value any](value Value, err error) Value {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	log.SetFlags(0)
	files := folder(os.Args[1])
	key := must(note.NewVerifier(strings.TrimSpace(string(must(os.ReadFile(os.Args[2]))))))
	keys := note.VerifierList(key)
	tree := checkpoint(filepath.Join(os.Args[1], "checkpoint"), keys)
	// It verifies each tile against the root before it hands a hash out.
	hashes := tlog.TileHashReader(tree, files)
	if root := must(tlog.TreeHash(tree.N, hashes)); root != tree.Hash {
		log.Fatalf("the tree's root is %v, the checkpoint's %v", root, tree.Hash)
	}
	gone := pruned(filepath.Join(os.Args[1], "pruned"), keys)
	if gone.N > 0 {
		proof := must(tlog.ProveTree(tree.N, gone.N, hashes))
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, gone.N, gone.Hash); err != nil {
			log.Fatalf("the note of what was pruned: %v", err)
		}
	}
	for first := gone.N; first < tree.N; first += 256 {
		tile := tlog.Tile{H: 8, L: 0, N: first / 256, W: 256}
		if tree.N-first < 256 {
			tile.W = int(tree.N - first)
		}
		path := strings.TrimPrefix(tile.Path(), "tile/8/0/")
		bundle := must(os.ReadFile(filepath.Join(os.Args[1], "tile", "entries", path)))
		for index := first; index < first+int64(tile.W); index++ {
			length := int(binary.BigEndian.Uint16(bundle))
			record := bundle[2 : 2+length]
			bundle = bundle[2+length:]
			proof := must(tlog.ProveRecord(tree.N, index, hashes))
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(record)); err != nil {
				log.Fatalf("record %d: %v", index, err)
			}
		}
		if len(bundle) != 0 {
			log.Fatalf("%d bytes behind the records of bundle %s", len(bundle), path)
		}
	}
	if len(os.Args) > 3 {
		old := checkpoint(os.Args[3], keys)
		if old.N > tree.N {
			log.Fatalf("the log was cut from %d to %d records", old.N, tree.N)
		}
		proof := must(tlog.ProveTree(tree.N, old.N, hashes))
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			log.Fatalf("history was rewritten: %v", err)
		}
	}
	fmt.Printf("%d records verified, and the hashes of %d before them\n", tree.N-gone.N, gone.N)
}
