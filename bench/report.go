package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is everything that a run has found out.
type report struct {
	Machine   string            `json:"machine"`
	Load      string            `json:"load,omitempty"`
	Go        string            `json:"go"`
	Date      string            `json:"date"`
	Rounds    int               `json:"rounds"`
	TokenSize map[string]int    `json:"token_bytes"`
	Versions  map[string]string `json:"versions"`
	Groups    []measured        `json:"-"`
	Gates     []outcome         `json:"gates,omitempty"`
}

// measured is a group after its measurement.
type measured struct {
	name, base string
	rows       []measurement
}

func (m measured) row(name string) measurement {
	i := slices.IndexFunc(m.rows, func(row measurement) bool { return row.name == name })
	if i < 0 {
		panic(fmt.Sprintf("bench: group %s has no row %q", m.name, name))
	}
	return m.rows[i]
}

// compared are the modules whose versions the report names.
var compared = []string{
	"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3", "github.com/coreos/go-oidc/v3",
	"github.com/go-jose/go-jose/v4", "github.com/lestrrat-go/jwx/v3", "github.com/zitadel/zitadel-go/v3",
	"github.com/zitadel/oidc/v3", "github.com/auth0/go-jwt-middleware/v3",
}

func newReport(i *issuer, rounds int) *report {
	r := &report{
		Machine:   fmt.Sprintf("%s, %d CPUs, %s/%s", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH),
		Load:      load(),
		Go:        runtime.Version(),
		Date:      time.Now().UTC().Format(time.DateOnly),
		Rounds:    rounds,
		TokenSize: map[string]int{rs256: len(i.token(rs256, nil)), es256: len(i.token(es256, nil))},
		Versions:  make(map[string]string),
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if slices.Contains(compared, module.Path) {
				r.Versions[module.Path] = module.Version
			}
		}
	}
	return r
}

// processor returns the name of the CPU where the system has it in a file.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "CPU unknown"
}

// load returns the load averages where the system has them in a file.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

func (r *report) writeTables(w io.Writer) error {
	fmt.Fprintf(w, "%s; load %s\n%s; %s; %d rounds; token %d bytes (RS256), %d (ES256)\n",
		r.Machine, r.Load, r.Go, r.Date, r.Rounds, r.TokenSize[rs256], r.TokenSize[es256])
	for _, module := range compared {
		fmt.Fprintf(w, "%s %s\n", module, r.Versions[module])
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, g := range r.Groups {
		base := g.row(g.base)
		fmt.Fprintf(table, "\n%s\tCPU µs\tto %s\tquartiles\tallocs\tbytes\t\n", g.name, g.base)
		for _, row := range g.rows {
			ratio := row.to(base)
			fmt.Fprintf(table, "%s\t%s\t%s\t%s..%s\t%.0f\t%.0f\t\n", row.name, micro(spreadOf(row.samples).Median),
				digits(ratio.Median), digits(ratio.Low), digits(ratio.High), row.allocs, row.bytes)
		}
	}
	if len(r.Gates) > 0 {
		fmt.Fprint(table, "\ngate\tmeasured\tlimit\ttarget\t\t\n")
	}
	for _, o := range r.Gates {
		fmt.Fprintf(table, "%s\t%s\t%s %s\t%s\t%s\t\n", o.Name, digits(o.Measured), o.sign(), digits(o.Limit), o.target(), o.verdict())
	}
	return table.Flush()
}

func micro(ns float64) string { return digits(ns / 1000) }

// digits formats what lies between a thousandth and a hundred thousand with three digits or more.
func digits(x float64) string {
	switch {
	case x >= 100 || x == float64(int(x)):
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.1:
		return fmt.Sprintf("%.3f", x)
	}
	return fmt.Sprintf("%.4f", x)
}

// jsonRow is a row as other programs read it.
type jsonRow struct {
	Name   string  `json:"name"`
	NS     float64 `json:"cpu_ns"`
	Ratio  spread  `json:"ratio"`
	Allocs float64 `json:"allocs"`
	Bytes  float64 `json:"bytes"`
}

type jsonGroup struct {
	Name string    `json:"name"`
	Base string    `json:"base"`
	Rows []jsonRow `json:"rows"`
}

func (r *report) writeJSON(w io.Writer) error {
	out := struct {
		*report
		Groups []jsonGroup `json:"groups"`
	}{report: r}
	for _, g := range r.Groups {
		group := jsonGroup{Name: g.name, Base: g.base}
		for _, row := range g.rows {
			group.Rows = append(group.Rows, jsonRow{row.name, spreadOf(row.samples).Median, row.to(g.row(g.base)), row.allocs, row.bytes})
		}
		out.Groups = append(out.Groups, group)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}
