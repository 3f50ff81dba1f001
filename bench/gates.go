package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// slack is what a gate on a comparison with somebody else's code gives away for noise.
const slack = 1.08

// margin is what a gate on our own code gives away: a twentieth. Where a target is not reached yet, the limit
// holds what is.
const margin = 1.05

// cached is the margin of a gate on a few dozen nanoseconds of looking up: they measure the machine's memory and its
// neighbours more than the code. One binary gives 0.0042 and, on another day, 0.0055 for the same row.
const cached = 1.25

// What a remembered token may cost, as a share of the signature check that it is spared: 70, 120, 400, 150
// and 120 nanoseconds where that takes 26 microseconds.
const (
	hot1        = 70.0 / 26_000
	hot1000     = 120.0 / 26_000
	hot50000    = 400.0 / 26_000
	hotByIssuer = 150.0 / 26_000
	hotFirstOf  = 120.0 / 26_000
)

// attempts is how often a gate is measured that fails at first. The median of all counts, so that neither one
// disturbed measurement decides nor one lucky one.
const attempts = 3

// gate is a promise about one row beside another. Its value is row to beside, or with inverse beside to
// row; of allocations, the difference. What the row less costs counts for neither.
type gate struct {
	group, row, beside string
	less               string // empty: nothing
	allocs             bool
	inverse            bool
	target             float64 // what we want; zero: the limit
	limit              float64 // what fails
}

// gates are the promises.
func gates(garbage []string) []gate {
	list := []gate{
		{group: rs256, row: nameHot, allocs: true, limit: 0},
		{group: groupServer, row: nameHot, beside: nameUnprotected, target: 1.05, limit: 1.065 * margin},
		{group: groupServer, row: nameHot, beside: nameUnprotected, allocs: true, limit: 2},
		{group: rs256, row: nameCold, beside: nameBare, target: 1.06, limit: 1.10 * margin},
		{group: rs256, row: nameFast, beside: nameBare, target: 0.80, limit: 0.80 * margin},
		{group: es256, row: nameCold, beside: nameBare, target: 1.04, limit: 1.054 * margin},
		{group: rs256, row: nameLargeCold, beside: nameLargeBare, target: 1.35, limit: 1.39 * margin},
		{group: rs256, row: nameLargeCold, beside: nameLargeBare, allocs: true, limit: 8},
		{group: groupRemembered, row: nameHot1, beside: nameBare, target: hot1, limit: hot1 * cached},
		{group: groupRemembered, row: nameHot1000, beside: nameBare, target: hot1000, limit: hot1000 * cached},
		// One binary gives 0.032 and, some minutes later, 0.037; the limit is a quarter above the middle of them.
		{group: groupRemembered, row: nameHot50000, less: nameRead50000, beside: nameBare, target: hot50000, limit: 0.043},
		{group: groupRemembered, row: nameByIssuer, beside: nameBare, target: hotByIssuer, limit: hotByIssuer * cached},
		{group: groupRemembered, row: nameFirstOf, beside: nameBare, target: hotFirstOf, limit: hotFirstOf * cached},
		{group: groupRemembered, row: nameByIssuer, allocs: true, limit: 0},
		{group: groupRemembered, row: nameFirstOf, allocs: true, limit: 0},
		{group: groupServer, row: nameRefusedOld, beside: nameHot, target: 1.25, limit: 1.46},
		{group: groupServer, row: nameRefusedOpaque, beside: nameHot, target: 1.2, limit: 1.2 * margin},
		{group: groupServer, row: nameRefusedForged, beside: nameHot, target: 4.5, limit: 7.8}, // 6.6 to 7.1 seen
		{group: groupServer, row: nameRefusedForged, beside: nameFloor, limit: 1.22},
		{group: rs256, row: namePlainCold, beside: namePlainBare, allocs: true, limit: 5},
		{group: es256, row: namePlainCold, beside: namePlainBare, allocs: true, limit: 5},
		{group: rs256, row: nameCold, beside: nameBare, allocs: true, limit: 8},
		{group: es256, row: nameCold, beside: nameBare, allocs: true, limit: 8},
		{group: groupRefusals, row: nameForged, beside: nameCold, limit: 1.1},
		{group: groupRefusals, row: nameIntrospection, allocs: true, limit: 0},
		{group: groupRefusals, row: nameIntrospection, beside: nameBare, limit: 0.01},
		{group: groupServer, row: nameHot, beside: nameMiddleware, inverse: true, target: 8, limit: 8 / slack},
	}
	for _, peer := range []struct {
		name   string
		target float64
	}{
		{nameGolangJWT, 1.2}, {nameGoOIDC, 1.5}, {nameGoJOSE, 1.65},
		{nameJWX, 1.9}, {nameZitadel, 1.9}, {nameMiddleware, 2.2},
	} {
		list = append(list, gate{group: rs256, row: nameCold, beside: peer.name, inverse: true, target: peer.target, limit: peer.target / slack})
	}
	for _, name := range garbage {
		target := 0.06
		if name == nameSignatureCut { // it is found last, when all else has been read
			target = 0.09
		}
		list = append(list, gate{group: groupRefusals, row: name, beside: nameBare, target: target, limit: target * slack})
	}
	return list
}

// outcome is a gate after its measurement.
type outcome struct {
	Name     string  `json:"name"`
	Measured float64 `json:"measured"`
	Limit    float64 `json:"limit"`
	Target   float64 `json:"target"`
	AtLeast  bool    `json:"at_least"`
	Attempts int     `json:"attempts"`
	gate     gate
	tries    []float64
}

func (g gate) outcome(m measured) outcome {
	o := outcome{Name: g.String(), Limit: g.limit, Target: g.target, AtLeast: g.inverse, gate: g, Attempts: 1}
	if g.target == 0 {
		o.Target = g.limit
	}
	row := m.row(g.row)
	if g.less != "" {
		row = row.less(m.row(g.less))
	}
	switch {
	case g.allocs && g.beside == "":
		o.Measured = row.allocs
	case g.allocs:
		o.Measured = row.allocs - m.row(g.beside).allocs
	case g.inverse:
		o.Measured = m.row(g.beside).to(row).Median
	default:
		o.Measured = row.to(m.row(g.beside)).Median
	}
	o.tries = []float64{o.Measured}
	return o
}

func (g gate) String() string {
	switch {
	case g.allocs && g.beside == "":
		return fmt.Sprintf("%s: %s, allocations", g.group, g.row)
	case g.allocs:
		return fmt.Sprintf("%s: %s over %s, allocations", g.group, g.row, g.beside)
	case g.inverse:
		return fmt.Sprintf("%s: %s / %s", g.group, g.beside, g.row)
	}
	if g.less != "" {
		return fmt.Sprintf("%s: (%s - %s) / %s", g.group, g.row, g.less, g.beside)
	}
	return fmt.Sprintf("%s: %s / %s", g.group, g.row, g.beside)
}

func (o outcome) within(bound float64) bool {
	if o.AtLeast {
		return o.Measured >= bound
	}
	return o.Measured <= bound
}

func (o outcome) sign() string {
	if o.AtLeast {
		return "≥"
	}
	return "≤"
}

func (o outcome) target() string {
	if o.gate.target == 0 {
		return ""
	}
	if o.within(o.Target) {
		return digits(o.Target) + " met"
	}
	return digits(o.Target) + " missed"
}

func (o outcome) verdict() string {
	text := "ok"
	if !o.within(o.Limit) {
		text = "FAILED"
	}
	if o.Attempts > 1 {
		text += ", median of " + strconv.Itoa(o.Attempts)
	}
	return text
}

// checkGates holds the report against the gates. The error names those that fail.
func (r *report) checkGates(all []group, rounds int, progress progressFunc) error {
	var garbage []string
	for _, g := range r.Groups {
		for _, row := range g.rows {
			if strings.HasPrefix(row.name, "garbage: ") {
				garbage = append(garbage, row.name)
			}
		}
	}
	for _, g := range gates(garbage) {
		if slices.ContainsFunc(r.Groups, func(m measured) bool { return m.name == g.group }) {
			r.Gates = append(r.Gates, g.outcome(r.group(g.group)))
		}
	}
	return r.retry(all, rounds, progress)
}

// retry measures every group with a failed gate again, twice, and lets the median count. The error names the
// gates that have failed by it.
func (r *report) retry(all []group, rounds int, progress progressFunc) error {
	for _, g := range all {
		if !slices.ContainsFunc(r.Gates, func(o outcome) bool { return o.gate.group == g.name && !o.within(o.Limit) }) {
			continue
		}
		for range attempts - 1 {
			r.again(measureGroup(g, rounds, progress))
		}
	}
	var failed []string
	for _, o := range r.Gates {
		if !o.within(o.Limit) {
			failed = append(failed, fmt.Sprintf("%s is %s, expected %s %s", o.Name, digits(o.Measured), o.sign(), digits(o.Limit)))
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("bench: %d of %d gates failed:\n  %s", len(failed), len(r.Gates), strings.Join(failed, "\n  "))
	}
	return nil
}

// again adds another measurement of a group to its outcomes, also to those that were within their limits: to
// try only the others again would favour them.
func (r *report) again(m measured) {
	for i := range r.Gates {
		if o := &r.Gates[i]; o.gate.group == m.name {
			o.tries = append(o.tries, o.gate.outcome(m).Measured)
			o.Attempts = len(o.tries)
			o.Measured = spreadOf(o.tries).Median
		}
	}
}

func (r *report) group(name string) measured {
	i := slices.IndexFunc(r.Groups, func(m measured) bool { return m.name == name })
	if i < 0 {
		panic(fmt.Sprintf("bench: no group %q", name))
	}
	return r.Groups[i]
}
