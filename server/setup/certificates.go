package setup

import (
	"context"
	"slices"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

func (c *comparison) certificates(ctx context.Context, o owner, entries []*document.ClientCertificate) error {
	left, err := rows(ctx, o, c.store.ClientCertificatesOf)
	if err != nil {
		return err
	}
	for _, e := range entries {
		row := store.ClientCertificate{Owner: o.Owner, Thumbprint: e.Thumbprint, NameType: e.NameType, Name: e.Name}
		i := slices.IndexFunc(left, func(other store.ClientCertificate) bool {
			return other.Thumbprint == row.Thumbprint && other.NameType == row.NameType && other.Name == row.Name
		})
		if i >= 0 {
			left = slices.Delete(left, i, i+1)
			continue
		}
		c.add(Change{Action: Create, Object: "certificate", Name: registry.CertificateTitle(row), Owner: o.label, do: func(ctx context.Context, w *work) error {
			_, err := w.registry.CreateClientCertificate(ctx, row)
			return err
		}})
	}
	if c.options.Prune {
		for _, row := range left {
			c.add(Change{Action: Delete, Object: "certificate", Name: registry.CertificateTitle(row), Owner: o.label, do: func(ctx context.Context, w *work) error {
				return w.registry.DeleteClientCertificate(ctx, row)
			}})
		}
	}
	return nil
}
