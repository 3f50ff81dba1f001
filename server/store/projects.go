package store

import (
	"context"
	"time"
)

// Organization owns projects and service users. A server has one, made when its store is new; its id
// and domain appear in the roles claim.
type Organization struct {
	ID            string
	Name          string
	PrimaryDomain string
}

// Project groups APIs that share roles. Its ID is an audience that tokens can be issued for: see API about
// the names of audiences.
type Project struct {
	ID             string
	OrganizationID string
	Name           string // unique
	Roles          []Role
	Active         bool
	CreatedAt      time.Time
}

// Role is a right within a project. Subjects hold it by an Assignment.
type Role struct {
	Key  string // what appears in scope and in the roles claim, such as read:messages
	Name string // for people; may be empty
}

// Projects keeps organizations and projects.
type Projects interface {
	Organization(ctx context.Context, id string) (Organization, error)
	// Organizations returns all of them, oldest first.
	Organizations(context.Context) ([]Organization, error)
	PutOrganization(context.Context, Organization) error

	Project(ctx context.Context, id string) (Project, error)
	ProjectByName(ctx context.Context, name string) (Project, error)
	// Projects returns all of them, ordered by name.
	Projects(context.Context) ([]Project, error)
	// ProjectsPart returns the part of them that the window asks for, ordered by name and then ID, and searched by
	// both. It reads none of their roles.
	ProjectsPart(context.Context, Window) (Part[Project], error)
	// PutProject creates the project or replaces the one with its ID, roles included. A role that is
	// gone is taken from every Assignment too. Errors: ErrExists when another project has the name, or an
	// API is called as its ID.
	PutProject(context.Context, Project) error
	// DeleteProject removes the project, its APIs and applications, their secrets and keys, and all assignments on
	// them.
	DeleteProject(ctx context.Context, id string) error
}
