package setup

import "testing"

func TestPlansOfCertificates(t *testing.T) {
	const (
		with    = "service_users: [{username: ci, certificates: [{san_dns: a.example.com}, {thumbprint: A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0}]}]"
		another = "service_users: [{username: ci, certificates: [{san_dns: b.example.com}, {thumbprint: '03:80:ed:2f:62:66:50:c8:40:b2:f2:63:e6:d2:b2:9f:ae:12:ab:39:ae:5d:b3:2b:25:ad:27:ef:ad:72:e6:fd'}]}]"
	)
	testPlans(t, []planTest{
		{"new ones", "service_users: [{username: ci}]", with, false, `
+ certificate "san_dns a.example.com" of service user "ci"
+ certificate "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0" of service user "ci"
`},
		{"another name, and the same thumbprint as openssl writes it", with, another, true, `
+ certificate "san_dns b.example.com" of service user "ci"
- certificate "san_dns a.example.com" of service user "ci"
`},
		{"one that is left out stays without pruning", with, another, false, `
+ certificate "san_dns b.example.com" of service user "ci"
`},
	})
}
