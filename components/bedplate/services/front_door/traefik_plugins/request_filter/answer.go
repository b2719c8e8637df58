package requestfilter

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// answer is where a workload's answer goes. It changes headers only, and holds nothing back: Traefik does not see that
// what a plugin hands on can be flushed (https://github.com/traefik/traefik/issues/10269), so it flushes by itself.
type answer struct {
	to      http.ResponseWriter
	filter  *filter
	hasBody bool
	isBegun bool
	// left is how much of the body is still to come; negative where nobody has said how much there is.
	left int64
}

func (a *answer) Header() http.Header {
	return a.to.Header()
}

// WriteHeader is called for each answer that comes before the last one too, such as 103.
func (a *answer) WriteHeader(status int) {
	if a.isBegun {
		return
	}
	a.filter.clean(a.to.Header())
	a.to.WriteHeader(status)
	if status < http.StatusOK {
		return
	}
	a.isBegun, a.left = true, -1
	if length, err := strconv.ParseInt(a.to.Header().Get("Content-Length"), 10, 64); err == nil {
		a.left = length
	}
	if a.left < 0 && a.hasBody && status != http.StatusNoContent && status != http.StatusNotModified {
		a.flush()
	}
}

func (a *answer) Write(part []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	written, err := a.to.Write(part)
	if a.left -= int64(written); a.left != 0 {
		a.flush()
	}
	return written, err
}

func (a *answer) flush() {
	_ = http.NewResponseController(a.to).Flush()
}

// Hijack hands over the connection of a websocket. The headers of its answer are written afterwards, to the buffer.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, buffered, err := http.NewResponseController(a.to).Hijack()
	if err != nil {
		return nil, nil, err
	}
	headers := bufio.NewWriter(&head{to: connection, filter: a.filter})
	return connection, bufio.NewReadWriter(buffered.Reader, headers), nil
}

// head is the beginning of an answer as text, up to the end of its headers.
type head struct {
	to      io.Writer
	filter  *filter
	seen    []byte
	isEnded bool
}

var endOfHead = []byte("\r\n\r\n")

func (h *head) Write(part []byte) (int, error) {
	if h.isEnded {
		return h.to.Write(part)
	}
	h.seen = append(h.seen, part...)
	end := bytes.Index(h.seen, endOfHead)
	if end < 0 {
		return len(part), nil
	}
	h.isEnded = true
	end += len(endOfHead)
	reader := bufio.NewReader(bytes.NewReader(h.seen[:end]))
	status, err := reader.ReadString('\n')
	if err != nil {
		return 0, err
	}
	read, err := textproto.NewReader(reader).ReadMIMEHeader()
	if err != nil {
		return 0, err
	}
	headers := http.Header(read)
	h.filter.clean(headers)
	var cleaned bytes.Buffer
	cleaned.WriteString(status)
	_ = headers.Write(&cleaned)
	cleaned.WriteString("\r\n")
	cleaned.Write(h.seen[end:])
	if _, err := h.to.Write(cleaned.Bytes()); err != nil {
		return 0, err
	}
	return len(part), nil
}

// clean takes out of an answer's headers what is not the workload's to say.
func (f *filter) clean(headers http.Header) {
	if !f.doubtful.MatchString(fmt.Sprint(headers)) {
		return
	}
	for name := range headers {
		if f.unsaid.MatchString(name) {
			delete(headers, name)
		}
	}
	rewrite(headers, "Set-Cookie", f.ofTheHost)
	delete(headers, http.TrailerPrefix+"Set-Cookie")
	rewrite(headers, "Trailer", f.announced)
}

func rewrite(headers http.Header, name string, change func(string) string) {
	lines, found := headers[name]
	if !found {
		return
	}
	var kept []string
	for _, line := range lines {
		if changed := change(line); changed != "" {
			kept = append(kept, changed)
		}
	}
	if len(kept) == 0 {
		delete(headers, name)
	} else {
		headers[name] = kept
	}
}

// ofTheHost returns the cookie as one of this host alone, and nothing for one of the login's.
func (f *filter) ofTheHost(cookie string) string {
	if f.reserved.MatchString(cookie) {
		return ""
	}
	return domain.ReplaceAllString(cookie, "")
}

// announced returns those names of headers after the body that a workload may use there.
func (f *filter) announced(names string) string {
	var kept []string
	for _, name := range strings.Split(names, ",") {
		name = strings.TrimSpace(name)
		if name != "" && !strings.EqualFold(name, "Set-Cookie") && !f.unsaid.MatchString(name) {
			kept = append(kept, name)
		}
	}
	return strings.Join(kept, ", ")
}
