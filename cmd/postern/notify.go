package main

import (
	"net"
	"strings"
)

// notify tells the service manager that started the server how it is, as sd_notify(3) does: READY=1, STOPPING=1. Where
// none has, it does nothing, and a manager that does not listen keeps no server from serving.
func (e *env) notify(state string) {
	address, ok := e.lookup("NOTIFY_SOCKET")
	if !ok || address == "" {
		return
	}
	if name, abstract := strings.CutPrefix(address, "@"); abstract {
		address = "\x00" + name
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}
