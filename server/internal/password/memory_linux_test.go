//go:build !race

package password

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const crowdVariable = "POSTERN_TEST_CROWD_OF_LOGINS"

// TestThirtyTwoLoginsAtOnceStayWithin96MB counts in a process of its own, whose memory nobody else has used.
func TestThirtyTwoLoginsAtOnceStayWithin96MB(t *testing.T) {
	if turns := os.Getenv(crowdVariable); turns != "" {
		n, err := strconv.Atoi(turns)
		if err != nil {
			t.Fatal(err)
		}
		hashAtOnce(t, n, 32)
		fmt.Println("peak", peakKiB(t))
		return
	}
	for _, turns := range []int{1, 2} { // what concurrent gives, on any machine
		program := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.count=1")
		program.Env = append(os.Environ(), crowdVariable+"="+strconv.Itoa(turns))
		out, err := program.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		_, rest, _ := strings.Cut(string(out), "peak ")
		var kib int
		if _, err := fmt.Sscan(rest, &kib); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		t.Logf("%d hashes at once: peak of %d MB", turns, kib*1024/1e6)
		if kib*1024 > 96e6 {
			t.Errorf("%d hashes at once: peak of %d MB, want at most 96 MB", turns, kib*1024/1e6)
		}
	}
}

func hashAtOnce(t *testing.T, turns, logins int) {
	h := newHasher(t, Config{Concurrent: turns})
	var all sync.WaitGroup
	for i := range logins {
		all.Go(func() {
			turn, err := h.Wait(t.Context(), strconv.Itoa(i))
			if err != nil {
				t.Error(err)
				return
			}
			defer turn.Done()
			turn.Check("", Password{})
		})
	}
	all.Wait()
}

// peakKiB returns the most memory that the process has had.
func peakKiB(t *testing.T) int {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	defer status.Close()
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(text)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	t.Fatal("the system does not say how much memory the process has had")
	return 0
}
