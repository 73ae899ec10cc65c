package realtime

import (
	"context"
	"maps"
	"sync"
	"time"
)

// The states of a person. Whoever is neither is offline.
const (
	online  = "online"
	away    = "away"
	offline = "offline"
)

const (
	gather    = 200 * time.Millisecond // how long changes are gathered
	grace     = 5 * time.Second        // a reload or a short cut is no going
	retell    = 10 * time.Second       // nodes repeat who is with them
	nodeGone  = 30 * time.Second       // whoever was with a node that fell silent is offline
	blobLimit = 4 << 10                // bytes of presence frames that go out as one
)

// presence is who is here: on this node by their sockets, on the others by what they whisper.
type presence struct {
	hub   *Hub
	grace time.Duration // a reload or a short cut is no going

	mu    sync.Mutex
	here  map[string]*seat
	nodes map[string]*otherNode
	told  map[string]string   // what the screens were told last
	dirty map[string]struct{} // people to look at
}

// seat is a person's sockets on this node.
type seat struct {
	online, away int
	left         time.Time // when the last one went
}

type otherNode struct {
	heard  time.Time
	states map[string]string
}

func newPresence(h *Hub) *presence {
	return &presence{hub: h, grace: 5 * time.Second, here: map[string]*seat{}, nodes: map[string]*otherNode{}, told: map[string]string{}, dirty: map[string]struct{}{}}
}

func (p *presence) snapshot() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.told)
}

// change moves one socket of a person's from one state to another; "" is no socket.
func (p *presence) change(user, from, to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.here[user]
	if s == nil {
		s = &seat{}
		p.here[user] = s
	}
	s.count(from, -1)
	s.count(to, 1)
	s.left = p.hub.o.Now()
	p.dirty[user] = struct{}{}
}

func (s *seat) count(state string, n int) {
	switch state {
	case online:
		s.online += n
	case away:
		s.away += n
	}
}

// state is how a person is on this node.
func (s *seat) state() string {
	switch {
	case s == nil:
		return offline
	case s.online > 0:
		return online
	case s.away > 0:
		return away
	}
	return offline
}

func (p *presence) run(ctx context.Context) {
	p.hub.whisper(whisper{Ask: true})
	tick := time.NewTicker(gather)
	defer tick.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			p.hub.whisper(whisper{All: true})
			return
		case <-tick.C:
		}
		now := p.hub.o.Now()
		frames, ours := p.settle(now)
		for _, f := range frames {
			p.hub.lines.Each(func(l *Line) { l.push(f) })
		}
		if len(ours) > 0 {
			p.hub.whisper(whisper{Presence: ours})
		}
		if now.Sub(last) > retell {
			last = now
			p.retell()
		}
	}
}

// settle looks at everybody who may have changed: frames tells the screens, ours the other nodes.
func (p *presence) settle(now time.Time) (frames [][]byte, ours map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buryNodes(now)
	ours = map[string]string{}
	var blob []byte
	for user := range p.dirty {
		s := p.here[user]
		if s != nil && s.online+s.away == 0 && now.Sub(s.left) < p.grace {
			continue // look again
		}
		delete(p.dirty, user)
		if s != nil {
			ours[user] = s.state()
			if ours[user] == offline {
				delete(p.here, user)
			}
		}
		state := p.state(user)
		if state == p.told[user] || state == offline && p.told[user] == "" {
			continue
		}
		if p.told[user] = state; state == offline {
			delete(p.told, user)
		}
		blob = appendFrame(blob, 1, encode(map[string]any{"type": "presence", "user_id": user, "state": state}))
		if len(blob) > blobLimit {
			frames, blob = append(frames, blob), nil
		}
	}
	if len(blob) > 0 {
		frames = append(frames, blob)
	}
	return frames, ours
}

// state is a person's on all nodes: the most present one.
func (p *presence) state(user string) string {
	state := p.here[user].state()
	for _, n := range p.nodes {
		switch n.states[user] {
		case online:
			return online
		case away:
			if state == offline {
				state = away
			}
		}
	}
	return state
}

func (p *presence) buryNodes(now time.Time) {
	for id, n := range p.nodes {
		if now.Sub(n.heard) > nodeGone {
			delete(p.nodes, id)
			p.lookAt(n.states)
		}
	}
}

func (p *presence) lookAt(states map[string]string) {
	for user := range states {
		p.dirty[user] = struct{}{}
	}
}

// retell tells the other nodes everybody who is here.
func (p *presence) retell() {
	p.mu.Lock()
	all := map[string]string{}
	for user, s := range p.here {
		if st := s.state(); st != offline {
			all[user] = st
		}
	}
	p.mu.Unlock()
	p.hub.whisper(whisper{Presence: all, All: true})
}

// overhear takes what another node tells of its people.
func (p *presence) overhear(w whisper) {
	if w.Ask {
		p.retell()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.nodes[w.Node]
	if n == nil {
		n = &otherNode{states: map[string]string{}}
		p.nodes[w.Node] = n
	}
	n.heard = p.hub.o.Now()
	if w.All {
		p.lookAt(n.states)
		n.states = map[string]string{}
	}
	p.lookAt(w.Presence)
	for user, state := range w.Presence {
		if n.states[user] = state; state == offline {
			delete(n.states, user)
		}
	}
}
