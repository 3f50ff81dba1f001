package keyset

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/postern-auth/postern/internal/jws"
)

// maxTold bounds how many keys one line or error tells of.
const maxTold = 8

// log tells of what a fetch has changed, and of nothing else: how often there is one may be a stranger's
// doing. The generation and the failure are those from before it.
func (s *Set) log(before *generation, failed, err error) {
	if s.config.Logger == nil {
		return
	}
	log := s.config.Logger.With("issuer", s.config.Issuer)
	switch {
	case err != nil && failed == nil && before == nil:
		log.Warn("the issuer's keys cannot be fetched", "error", err)
	case err != nil && failed == nil:
		log.Warn("the issuer's keys cannot be renewed; the last ones serve on", "age", time.Since(before.fetched).Round(time.Second), "error", err)
	case err == nil && failed != nil:
		log.Info("the issuer's keys can be fetched again")
	}
	if err == nil {
		s.logLeftOut(log, before)
	}
}

func (s *Set) logLeftOut(log *slog.Logger, before *generation) {
	now := s.current.Load()
	reasons := texts(now.leftOut)
	switch {
	case before == nil && len(reasons) == 0 || before != nil && slices.Equal(texts(before.leftOut), reasons):
		return
	case len(reasons) == 0:
		log.Info("no key of the issuer is left out any more", "used", len(now.list))
		return
	}
	level := slog.LevelWarn
	if !slices.ContainsFunc(now.leftOut, func(out jws.LeftOut) bool { return !errors.Is(out.Reason, jws.ErrOtherUse) }) {
		level = slog.LevelInfo
	}
	log.Log(context.Background(), level, "keys of the issuer are left out",
		"used", len(now.list), "left_out", len(reasons), "reasons", reasons[:min(len(reasons), maxTold)])
}

// texts returns the reasons in an order that does not depend on the issuer's.
func texts(leftOut []jws.LeftOut) []string {
	var list []string
	for _, out := range leftOut {
		list = append(list, out.Reason.Error())
	}
	slices.Sort(list)
	return list
}
