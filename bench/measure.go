package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// slice is how long a subject runs before the next one has its turn: long beside the clock, short beside
// what else goes on in the machine.
const slice = 4 * time.Millisecond

// subject is something that can be done n times.
type subject struct {
	name string
	run  func(n int)
	// many is how many operations one time is, of what has no sense alone. Zero: one.
	many int
}

// measurement is what came out for one subject: a sample a round, in nanoseconds of CPU an operation.
type measurement struct {
	name    string
	samples []float64
	allocs  float64
	bytes   float64
}

// cpuTime returns the CPU time that this process has used, in all its threads.
func cpuTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(fmt.Errorf("bench: CPU clock: %w", err))
	}
	return time.Duration(t.Nano())
}

// measure lets the subjects take turns, so that what slows the machine down slows all of them down, and
// starts each round with another one, so that nobody always pays for the garbage of the same neighbour.
func measure(subjects []subject, rounds int, progress func(done, of int)) []measurement {
	result := make([]measurement, len(subjects))
	counts := make([]int, len(subjects))
	for i, s := range subjects {
		counts[i] = calibrate(s.run)
		result[i] = measurement{name: s.name}
		result[i].allocs, result[i].bytes = allocations(s)
	}
	for round := range rounds {
		progress(round, rounds)
		for turn := range subjects {
			i := (round + turn) % len(subjects)
			before := cpuTime()
			subjects[i].run(counts[i])
			result[i].samples = append(result[i].samples, float64(cpuTime()-before)/float64(counts[i]*max(1, subjects[i].many)))
		}
	}
	return result
}

// calibrate returns how many operations fill a slice.
func calibrate(run func(n int)) int {
	run(1) // fetches keys, fills caches
	n := 1
	for {
		before := cpuTime()
		run(n)
		used := cpuTime() - before
		if used >= slice/4 {
			return max(1, int(float64(n)*float64(slice)/float64(used)))
		}
		n *= 2
	}
}

// allocations returns what one operation allocates, as the difference of two runs, so that what a run
// needs once does not count.
func allocations(s subject) (allocs, bytes float64) {
	run, n := s.run, max(1, 400/max(1, s.many))
	var t [3]runtime.MemStats
	run(n)
	runtime.ReadMemStats(&t[0])
	run(n)
	runtime.ReadMemStats(&t[1])
	run(2 * n)
	runtime.ReadMemStats(&t[2])
	per := func(first, second, third uint64) float64 {
		return math.Round((float64(third-second) - float64(second-first)) / float64(n*max(1, s.many)))
	}
	return per(t[0].Mallocs, t[1].Mallocs, t[2].Mallocs), per(t[0].TotalAlloc, t[1].TotalAlloc, t[2].TotalAlloc)
}

// spread is a median and its quartiles.
type spread struct {
	Low, Median, High float64
}

func spreadOf(samples []float64) spread {
	sorted := slices.Sorted(slices.Values(samples))
	at := func(q float64) float64 {
		place := q * float64(len(sorted)-1)
		i := int(place)
		if i+1 == len(sorted) {
			return sorted[i]
		}
		return sorted[i] + (place-float64(i))*(sorted[i+1]-sorted[i])
	}
	return spread{at(0.25), at(0.5), at(0.75)}
}

// less returns what is left of m without other.
func (m measurement) less(other measurement) measurement {
	rest := measurement{name: m.name, samples: make([]float64, len(m.samples)), allocs: m.allocs - other.allocs, bytes: m.bytes - other.bytes}
	for i := range rest.samples {
		rest.samples[i] = m.samples[i] - other.samples[i]
	}
	return rest
}

// to returns how much m costs beside other: the median of the rounds' own ratios, which noise that lasts
// longer than a round does not change.
func (m measurement) to(other measurement) spread {
	ratios := make([]float64, len(m.samples))
	for i := range ratios {
		ratios[i] = m.samples[i] / other.samples[i]
	}
	return spreadOf(ratios)
}
