package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// slack is what a gate on a comparison with somebody else's code gives away for noise.
const slack = 1.08

// attempts is how often a gate on CPU time is measured before it has failed: noise does not fail three
// times, and what has become slower does.
const attempts = 3

// gate is a promise about one row beside another. Its value is row to beside, or with inverse beside to
// row; of allocations, the difference.
type gate struct {
	group, row, beside string
	allocs             bool
	inverse            bool
	target             float64 // what we want; zero: the limit
	limit              float64 // what fails
}

// gates are the promises.
func gates(garbage []string) []gate {
	list := []gate{
		{group: rs256, row: nameHot, allocs: true, limit: 0},
		{group: groupServer, row: nameHot, beside: nameUnprotected, target: 1.05, limit: 1.08},
		{group: groupServer, row: nameHot, beside: nameUnprotected, allocs: true, limit: 2},
		{group: rs256, row: nameCold, beside: nameBare, target: 1.07, limit: 1.12},
		{group: es256, row: nameCold, beside: nameBare, target: 1.04, limit: 1.08},
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
		list = append(list, gate{group: groupRefusals, row: name, beside: nameBare, target: 0.06, limit: 0.06 * slack})
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
}

func (g gate) outcome(m measured) outcome {
	o := outcome{Name: g.String(), Limit: g.limit, Target: g.target, AtLeast: g.inverse, gate: g, Attempts: 1}
	if g.target == 0 {
		o.Target = g.limit
	}
	row := m.row(g.row)
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
		text += ", attempt " + strconv.Itoa(o.Attempts)
	}
	return text
}

// checkGates holds the report against the gates. The error names those that fail.
func (r *report) checkGates(all []group, rounds int, progress progressFunc) error {
	var garbage []string
	for _, row := range r.group(groupRefusals).rows {
		if strings.HasPrefix(row.name, "garbage: ") {
			garbage = append(garbage, row.name)
		}
	}
	for _, g := range gates(garbage) {
		r.Gates = append(r.Gates, g.outcome(r.group(g.group)))
	}
	return r.retry(all, rounds, progress)
}

// retry measures a group with a failed gate again, up to twice. The error names the gates that fail then
// too.
func (r *report) retry(all []group, rounds int, progress progressFunc) error {
	for attempt := 2; attempt <= attempts; attempt++ {
		for _, g := range all {
			if slices.ContainsFunc(r.Gates, func(o outcome) bool { return o.gate.group == g.name && !o.within(o.Limit) }) {
				r.again(measureGroup(g, rounds, progress), attempt)
			}
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

// again replaces the failed outcomes of a group by those of another measurement of it.
func (r *report) again(m measured, attempt int) {
	for i, o := range r.Gates {
		if o.gate.group == m.name && !o.within(o.Limit) {
			r.Gates[i] = o.gate.outcome(m)
			r.Gates[i].Attempts = attempt
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
