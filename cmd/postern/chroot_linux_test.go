package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// As in a container made from scratch: nothing but the program and a data folder, no folder for temporary
// files, and nowhere else to write.
func TestFindingD9_ApplyAndServeNeedNothingButTheDataFolder(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("not shown: only root can change the root folder")
		return
	}
	const nobody = 65532 // as in deploy/Dockerfile
	root := t.TempDir()
	for folder := root; strings.HasPrefix(folder, os.TempDir()) && folder != os.TempDir(); folder = filepath.Dir(folder) {
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-o", filepath.Join(root, "postern"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if err := os.Mkdir(filepath.Join(root, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(root, "data"), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	inside := func(args ...string) *exec.Cmd {
		command := exec.Command("/postern", args...)
		command.Dir, command.Env = "/", []string{"PATH=/"}
		command.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return command
	}
	document := inside("apply", "--data", "/data", "-f", "-")
	document.Stdin = strings.NewReader(strings.ReplaceAll(killDocument, "_file: ", "_file: data/"))
	if out, err := document.CombinedOutput(); err != nil {
		t.Fatalf("apply: %v\n%s", err, out)
	}
	// A second time it has more to compare than to make.
	again := inside("apply", "--data", "/data", "-f", "-")
	again.Stdin = strings.NewReader(strings.ReplaceAll(killDocument, "_file: ", "_file: data/"))
	if out, err := again.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("nothing to do")) {
		t.Fatalf("apply again: %v\n%s", err, out)
	}
	address := freeAddress(t)
	started(t, inside("serve", "--data", "/data", "--issuer", "http://"+address, "--listen", address), "listening on")
	s := &served{t: t, dir: filepath.Join(root, "data"), url: "http://" + address}
	var answer struct {
		Token string `json:"access_token"`
	}
	form := map[string][]string{"grant_type": {"client_credentials"}, "scope": {"openid urn:zitadel:iam:org:project:id:" + s.secret("project-id") + ":aud"}}
	if err := s.post(t.Context(), "/oauth/v2/token", "robot", s.secret("robot-secret"), form, &answer); err != nil || answer.Token == "" {
		t.Errorf("no token: %v", err)
	}
	response, err := http.Get("http://" + address + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("metadata: %d %v", response.StatusCode, err)
	}
}
