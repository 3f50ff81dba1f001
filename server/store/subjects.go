package store

import (
	"context"
	"time"
)

// SubjectKind tells the kinds of Subject apart.
type SubjectKind string

// ServiceUserSubject is the kind of a service user.
const ServiceUserSubject SubjectKind = "service_user"

// Subject is whom a token is about (sub), of whatever kind. What a kind has beside this is kept by a noun
// of its own, such as ServiceUser, whose Put writes the Subject too.
type Subject struct {
	ID             string // unique among all kinds
	Kind           SubjectKind
	OrganizationID string
	// Username is its name for people. It is unique where its kind makes it so.
	Username string
	Active   bool
	// NotBefore ends every token about the subject that was issued before it. Zero: none.
	NotBefore time.Time
}

// Subjects keeps what tokens are about.
type Subjects interface {
	Subject(ctx context.Context, id string) (Subject, error)
	// PutSubject creates the subject or replaces the one with its ID, but for NotBefore, which only
	// EndSubject moves. Errors: ErrExists when a subject of another kind has the ID.
	PutSubject(context.Context, Subject) error
	// EndSubject sets NotBefore to the time, unless it is later already, and revokes the personal access tokens from before.
	// Errors: ErrNotFound.
	EndSubject(ctx context.Context, id string, at time.Time) error
	// EndSubjects is EndSubject for the subjects whose ids follow the given one, in their order and at most limit of them. It
	// returns the last of these and how many they were.
	EndSubjects(ctx context.Context, after string, limit int, at time.Time) (last string, n int, err error)
	// DeleteSubject removes the subject with what its kind has beside it, its assignments and personal access tokens. Its
	// access tokens are left until they have expired: they are about nobody. Should another subject come to have the ID,
	// its NotBefore is after them.
	DeleteSubject(ctx context.Context, id string) error
}

// ServiceUser is a program that obtains tokens for itself: a Subject, and the Client of the same ID.
type ServiceUser struct {
	ID             string // the sub of its tokens, and the iss and sub of its assertions
	OrganizationID string
	// Username is its name for people and its client_id for client credentials. Unique among all clients.
	Username string
	Name     string
	// Form is the shape of its tokens where the API does not decide.
	Form TokenForm
	// Grants are the grant_type values that it may use; none: client credentials and JWT bearer.
	Grants []string
	// SenderConstraint says to what its access tokens are bound.
	SenderConstraint SenderConstraint
	Active           bool
	CreatedAt        time.Time
}

// ServiceUsers keeps service users.
type ServiceUsers interface {
	ServiceUser(ctx context.Context, id string) (ServiceUser, error)
	ServiceUserByUsername(ctx context.Context, username string) (ServiceUser, error)
	// ServiceUsers returns all of them, ordered by username.
	ServiceUsers(context.Context) ([]ServiceUser, error)
	// ServiceUsersPart returns the part of them that the window asks for, ordered by username and then ID, and
	// searched by both and by name.
	ServiceUsersPart(context.Context, Window) (Part[ServiceUser], error)
	// StandingsOf returns how those of the service users stand that are there and have anything, by their IDs.
	StandingsOf(ctx context.Context, ids []string, now time.Time) (map[string]Standing, error)
	// PutServiceUser creates the service user or replaces the one with its ID, as Subject and Client too.
	// Errors: ErrExists when the username is the client id of another client.
	PutServiceUser(context.Context, ServiceUser) error
	// DeleteServiceUser removes the service user with its assignments, secrets, keys and tokens, as DeleteSubject does.
	DeleteServiceUser(ctx context.Context, id string) error
}

// Standing is how a service user logs in and what it may use, in short. What has ended does not count.
type Standing struct {
	Secrets, Keys, Tokens int       // tokens are the personal access tokens
	Ends                  time.Time // when the first of these ends; zero: none does
	// MayUse names the projects and APIs on which it has a right, in order.
	MayUse []string
}

// Assignment gives a subject rights: roles of a project, or permissions of an API. Exactly one of
// ProjectID and APIID is set. One without Rights says that the subject may have tokens for it, no more.
type Assignment struct {
	SubjectID string
	ProjectID string
	APIID     string
	Rights    []string // keys of roles or permissions, sorted, without duplicates
}

// Right is a role of a project, or a permission of an API, as lists have them. Exactly one of ProjectID and APIID is
// set.
type Right struct {
	ProjectID string
	APIID     string
	At        string // the name of the project or API
	Key       string
	Name      string // of a role; may be empty
	Holders   int    // how many subjects have it
}

// Place returns where in the order of a list it is.
func (r Right) Place() Place { return Place{Name: r.Key, ID: r.ProjectID + r.APIID} }

// Assignments keeps who holds what.
type Assignments interface {
	// AssignmentsOf returns the assignments of a subject, ordered by ProjectID and then APIID.
	AssignmentsOf(ctx context.Context, subjectID string) ([]Assignment, error)
	// AssignmentsAmong is AssignmentsOf with those permissions alone that are among the keys; roles are there
	// in any case. It reads no others, of which a subject may hold tens of thousands.
	AssignmentsAmong(ctx context.Context, subjectID string, keys []string) ([]Assignment, error)
	// HoldersPart returns the part that the window asks for of the subjects that hold a right on the project or API
	// of the target, whose other fields do not count; an empty right
	// stands for any assignment, also one without rights. They are ordered by username and then ID, and searched by both.
	HoldersPart(ctx context.Context, target Assignment, right string, w Window) (Part[Subject], error)
	// RightsPart returns the part that the window asks for of all roles of projects and all permissions of APIs, ordered
	// by key and then by where they are, and searched by key, by name and by the name of where they are.
	RightsPart(context.Context, Window) (Part[Right], error)
	// RolesPart is RightsPart of roles alone.
	RolesPart(context.Context, Window) (Part[Right], error)
	// HolderCounts returns for each of the rights how many subjects hold it on the project or API of the target; one
	// that nobody holds is not in it.
	HolderCounts(ctx context.Context, target Assignment, rights []string) (map[string]int, error)
	// PutAssignment creates the assignment or replaces the one of the same subject for the same project or
	// API. Errors: ErrNotFound when the subject, the project or API, or one of the rights is not there.
	PutAssignment(context.Context, Assignment) error
	// DeleteAssignment removes that of the same subject for the same project or API, whatever its Rights.
	DeleteAssignment(context.Context, Assignment) error
}
