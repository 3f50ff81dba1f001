package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// deployed reads a file of the folder deploy.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// takes checks that the program would take a command line.
func takes(t *testing.T, where string, args []string) {
	t.Helper()
	command, rest, err := newRootCommand(&env{lookup: os.LookupEnv}).Find(args)
	if err != nil || command.Name() != "serve" {
		t.Fatalf("%s: %v", where, err)
	}
	if err := command.ParseFlags(rest); err != nil {
		t.Errorf("%s: %v", where, err)
	}
	if left := command.Flags().Args(); len(left) > 0 {
		t.Errorf("%s: %q is left over", where, left)
	}
}

func TestTheUnitIsOneForSystemd(t *testing.T) {
	unit := deployed(t, "postern.service")
	start := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/postern (.*)$`).FindStringSubmatch(unit)
	if start == nil {
		t.Fatal("no ExecStart")
	}
	takes(t, "ExecStart", strings.Fields(start[1]))
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("not shown: there is no systemd-analyze here")
		return
	}
	file := filepath.Join(t.TempDir(), "postern.service")
	program := filepath.Join(filepath.Dir(file), "postern")
	if err := os.WriteFile(program, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(unit, "/usr/bin/postern", program)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", file).CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=yes", "--no-pager", file).CombinedOutput()
	if err != nil {
		t.Fatalf("security: %v\n%s", err, out)
	}
	level := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
	if level == nil {
		t.Fatalf("security says\n%s", out)
	}
	exposure, err := strconv.ParseFloat(string(level[1]), 64)
	if err != nil || exposure > 1.5 {
		t.Errorf("exposure %s of 10, want 1.5 at most\n%s", level[1], out)
	}
	t.Logf("exposure %s of 10", level[1])
}

func TestTheImageHoldsTheProgramAlone(t *testing.T) {
	text := deployed(t, "Dockerfile")
	_, last, ok := strings.Cut(text, "\nFROM scratch\n")
	if !ok || strings.Contains(last, "\nFROM ") || strings.Contains(last, "RUN") || !strings.Contains(last, "\nUSER 65532:65532\n") {
		t.Errorf("the last stage is not from scratch, as nobody:\n%s", last)
	}
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)\.\d+$`).FindSubmatch(module)
	if version == nil || !regexp.MustCompile(`FROM golang:`+regexp.QuoteMeta(string(version[1]))+`\.\d+ AS build\n`).MatchString(text) {
		t.Errorf("not built with the Go of go.mod, %s", version)
	}
	var command []string
	line := regexp.MustCompile(`(?m)^CMD (.*)$`).FindStringSubmatch(text)
	if err := yaml.Unmarshal([]byte(line[1]), &command); err != nil {
		t.Fatal(err)
	}
	takes(t, "CMD", command)
	for _, from := range regexp.MustCompile(`(?m)^COPY --from=build .*?(/out/\S+)`).FindAllStringSubmatch(last, -1) {
		if !strings.Contains(text, from[1]) || !strings.Contains(text[:strings.Index(text, "FROM scratch")], from[1]) {
			t.Errorf("%s is not made", from[1])
		}
	}
}

func TestComposeRunsWhatThereIs(t *testing.T) {
	text := deployed(t, "compose.yaml")
	var compose struct {
		Services map[string]struct {
			Image       string
			Build       map[string]string
			Command     []string
			Environment map[string]string
			Secrets     []string
			Volumes     []string
		}
		Secrets map[string]map[string]string
		Volumes map[string]any
	}
	if err := yaml.Unmarshal([]byte(text), &compose); err != nil {
		t.Fatal(err)
	}
	takes(t, "command", compose.Services["postern"].Command)
	if file := compose.Services["postern"].Build["dockerfile"]; file != "deploy/Dockerfile" {
		t.Errorf("built by %s", file)
	}
	flags := newServeCommand(&env{lookup: os.LookupEnv}).Flags()
	for name := range compose.Services["postern"].Environment {
		flag := strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(name, "POSTERN_"), "_FILE")), "_", "-")
		if flags.Lookup(flag) == nil {
			t.Errorf("no flag --%s for %s", flag, name)
		}
	}
	for name, service := range compose.Services {
		if service.Image != "" && !regexp.MustCompile(`:\d+\.\d+`).MatchString(service.Image) {
			t.Errorf("%s: image %s of no exact version", name, service.Image)
		}
		for _, secret := range service.Secrets {
			if compose.Secrets[secret] == nil {
				t.Errorf("%s: no secret %s", name, secret)
			}
		}
		for _, volume := range service.Volumes {
			if _, ok := compose.Volumes[strings.Split(volume, ":")[0]]; !ok {
				t.Errorf("%s: no volume %s", name, volume)
			}
		}
	}
	ignored, err := exec.Command("git", "check-ignore", "../../deploy/secrets/password").CombinedOutput()
	if err != nil {
		t.Errorf("git would keep the secrets: %v %s", err, ignored)
	}
}

func TestTheServiceManagerIsTold(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	told := func(socket string) {
		(&env{lookup: func(string) (string, bool) { return socket, socket != "" }}).notify("READY=1")
	}
	told("")
	told(filepath.Join(t.TempDir(), "nobody"))
	told(address)
	text := make([]byte, 100)
	n, err := l.Read(text)
	if err != nil || string(text[:n]) != "READY=1" {
		t.Errorf("%q, %v", text[:n], err)
	}
}
