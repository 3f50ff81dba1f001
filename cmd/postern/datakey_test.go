package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestTheDataKeyIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	first, err := dataKeys(dir)
	if err != nil || len(first) != 1 || len(first[0]) != 32 {
		t.Fatalf("%d keys, %v", len(first), err)
	}
	again, err := dataKeys(dir)
	if err != nil || len(again) != 1 || !bytes.Equal(first[0], again[0]) {
		t.Errorf("another key, %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, dataKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info, err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("%v, %v; want the file alone", names, err)
	}
	other, err := dataKeys(t.TempDir())
	if err != nil || bytes.Equal(first[0], other[0]) {
		t.Errorf("two folders have one key, %v", err)
	}
}

func TestProcessesThatStartAtOnceHaveOneDataKey(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	var keys [20][][]byte
	for i := range keys {
		group.Go(func() {
			var err error
			if keys[i], err = dataKeys(dir); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i := range keys {
		if len(keys[i]) != 1 || len(keys[0]) != 1 || !bytes.Equal(keys[i][0], keys[0][0]) {
			t.Fatalf("process %d has another key", i)
		}
	}
}

func TestDataKeysAreReadByTheLine(t *testing.T) {
	a, b := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	line := func(key []byte) string { return base64.StdEncoding.EncodeToString(key) + "\n" }
	for _, row := range []struct {
		name, text string
		want       int
		err        string
	}{
		{"one", line(a), 1, ""},
		{"two", line(a) + line(b), 2, ""},
		{"with a remark and an empty line", "# new\n" + line(a) + "\n# former\n" + line(b), 2, ""},
		{"with the line ends of Windows", strings.ReplaceAll(line(a), "\n", "\r\n"), 1, ""},
		{"without a line end", strings.TrimSpace(line(a)), 1, ""},
		{"nothing", "", 0, "is empty: restore it from a backup"},
		{"remarks alone", "# nothing\n", 0, "is empty"},
		{"31 bytes", line(a[:31]), 0, "line 1: want the base64 of 32 random bytes"},
		{"33 bytes", line(append(a, 1)), 0, "line 1"},
		{"a good one and a bad one", line(a) + "x\n", 0, "line 2"},
		{"base64 of URLs", strings.ReplaceAll(base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 32)), "=", "") + "\n", 0, "line 1"},
		{"two on a line", strings.TrimSpace(line(a)) + " " + line(b), 0, "line 1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, dataKeyFile), []byte(row.text), 0o600); err != nil {
				t.Fatal(err)
			}
			keys, err := dataKeys(dir)
			if len(keys) != row.want || (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
				t.Errorf("%d keys, %v; want %d, %q", len(keys), err, row.want, row.err)
			}
			if err != nil && row.text != "" && strings.Contains(err.Error(), strings.TrimSpace(line(a))[:20]) {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
}
