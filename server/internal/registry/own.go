package registry

// OwnProject is the id of Postern's own project. Its roles open the console to people, and nothing else gives them.
const OwnProject = "postern"

// The roles of OwnProject.
const (
	Administrator = "administrator" // may change everything
	Reader        = "reader"        // may look at everything
)
