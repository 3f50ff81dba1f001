package storetest_test

import (
	"context"
	"errors"
	"time"

	"github.com/postern-auth/postern/server/store"
)

func (s repeating) UseMailLink(ctx context.Context, d store.Digest, now time.Time) (store.MailLink, error) {
	link, err := s.Store.UseMailLink(ctx, d, now)
	if err == nil {
		err = s.PutMailLink(ctx, link)
	}
	return link, err
}

func (s immortal) UseMailLink(ctx context.Context, d store.Digest, _ time.Time) (store.MailLink, error) {
	return s.Store.UseMailLink(ctx, d, time.Unix(0, 0))
}

func (s hospitable) PutMailLink(ctx context.Context, l store.MailLink) error {
	if l.UserID != "" && l.Address == "other@example.com" {
		l.Purpose += " again"
	}
	return s.Store.PutMailLink(ctx, l)
}

func (s eager) ClaimDeliveries(ctx context.Context, kind string, now, lease time.Time, limit int) ([]store.Delivery, error) {
	claimed, err := s.Store.ClaimDeliveries(ctx, kind, now, lease, limit)
	for _, d := range claimed {
		err = errors.Join(err, s.PostponeDelivery(ctx, d.ID, d.Tries, now))
	}
	return claimed, err
}

func (s forgetful) PostponeDelivery(ctx context.Context, id string, tries int, next time.Time) error {
	err := s.Store.PostponeDelivery(ctx, id, tries, next)
	if errors.Is(err, store.ErrNotFound) {
		err = s.Store.PostponeDelivery(ctx, id, tries+1, next)
	}
	return err
}

func (s limitless) AddDelivery(ctx context.Context, d store.Delivery, _ int) (bool, error) {
	return s.Store.AddDelivery(ctx, d, 1000)
}
