package sqlite

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkCreateToken is the cost of a token on disk, for one caller and for 64 at once.
func BenchmarkCreateToken(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s, d := openInternal(b, Options{})
			ctx := context.Background()
			commits, jobs := d.writer.commits.Load(), d.writer.jobs.Load()
			var ids atomic.Int64
			create := func() {
				if err := s.CreateToken(ctx, newToken(fmt.Sprintf("%020d", ids.Add(1)))); err != nil {
					b.Error(err)
				}
			}
			b.ReportAllocs()
			if callers == 1 {
				for b.Loop() {
					create()
				}
			} else {
				b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						create()
					}
				})
			}
			commits, jobs = d.writer.commits.Load()-commits, d.writer.jobs.Load()-jobs
			b.ReportMetric(float64(jobs)/float64(commits), "rows/commit")
		})
	}
}

// BenchmarkToken is the look-up of a token by id among 100,000.
func BenchmarkToken(b *testing.B) {
	s, _ := openInternal(b, Options{})
	const callers, each = 500, 200
	if err := createTokens(s, callers, each); err != nil {
		b.Fatal(err)
	}
	for _, test := range []struct {
		name string
		id   func(n int) string
	}{
		{"found", func(n int) string { return fmt.Sprintf("%06d-%d", n*7919%each, n*104729%callers) }},
		{"missing", func(n int) string { return fmt.Sprintf("%06d-x", n*7919%each) }},
	} {
		b.Run(test.name, func(b *testing.B) {
			// As in a server: the context can end.
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for n := 0; pb.Next(); n++ {
					if _, err := s.Token(ctx, test.id(n)); (err != nil) != (test.name == "missing") {
						b.Error(err)
					}
				}
			})
		})
	}
}
