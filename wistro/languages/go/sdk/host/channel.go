package host

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sync"
)

const maxFrame = 16 << 20

// frameTooLarge is what was to be sent and is over 16 MiB.
type frameTooLarge struct{ size int }

func (e *frameTooLarge) Error() string {
	return fmt.Sprintf("%d bytes; at most %d fit", e.size, maxFrame)
}

// channel sends frames. Those that are queued while a write is under way leave in one.
type channel struct {
	to      io.Writer
	mutex   sync.Mutex
	waiting []byte
	writing bool
	room    *sync.Cond
}

const highWater = 8 << 20 // from here on a sender waits until the engine has read

func newChannel(to io.Writer) *channel {
	c := &channel{to: to}
	c.room = sync.NewCond(&c.mutex)
	return c
}

// send queues a frame made of these parts and has it leave.
func (c *channel) send(parts ...[]byte) error {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	if size > maxFrame {
		return &frameTooLarge{size}
	}
	c.mutex.Lock()
	for c.writing && len(c.waiting) > highWater {
		c.room.Wait()
	}
	c.waiting = binary.BigEndian.AppendUint32(c.waiting, uint32(size))
	for _, part := range parts {
		c.waiting = append(c.waiting, part...)
	}
	if c.writing {
		c.mutex.Unlock() // whoever writes takes it along
		return nil
	}
	c.writing = true
	c.drain()
	return nil
}

// drain writes until nothing waits; called with the lock held, which it gives back.
func (c *channel) drain() {
	for len(c.waiting) > 0 {
		batch := c.waiting
		c.waiting = nil
		c.mutex.Unlock()
		if _, err := c.to.Write(batch); err != nil {
			os.Exit(1) // the engine is gone
		}
		c.mutex.Lock()
		c.room.Broadcast()
	}
	c.writing = false
	c.room.Broadcast()
	c.mutex.Unlock()
}

// flush returns when all that was sent has left.
func (c *channel) flush() {
	c.mutex.Lock()
	for c.writing {
		c.room.Wait()
	}
	c.mutex.Unlock()
}
