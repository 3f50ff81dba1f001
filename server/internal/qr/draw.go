package qr

// A canvas is a code that is being drawn.
type canvas struct {
	size  int
	dark  [][]bool
	fixed [][]bool // holds no data
}

func newCanvas(version int) *canvas {
	c := &canvas{size: 17 + 4*version}
	for range c.size {
		c.dark, c.fixed = append(c.dark, make([]bool, c.size)), append(c.fixed, make([]bool, c.size))
	}
	return c
}

// fix sets a module that is the same whatever the text is.
func (c *canvas) fix(x, y int, dark bool) {
	if x >= 0 && y >= 0 && x < c.size && y < c.size {
		c.dark[y][x], c.fixed[y][x] = dark, true
	}
}

// draw returns the modules with the mask that is easiest to read.
func draw(version int, data []byte) [][]bool {
	c := newCanvas(version)
	c.patterns(version)
	c.format(0) // keeps the place
	c.fill(data)
	best, least := 0, -1
	for mask := range masks {
		c.apply(mask)
		c.format(mask)
		if p := c.penalty(); least < 0 || p < least {
			best, least = mask, p
		}
		c.apply(mask) // takes it off again
	}
	c.apply(best)
	c.format(best)
	return c.dark
}

// patterns draws what tells a reader where the modules are, and the version.
func (c *canvas) patterns(version int) {
	for i := range c.size {
		c.fix(6, i, i%2 == 0)
		c.fix(i, 6, i%2 == 0)
	}
	for _, at := range [][2]int{{3, 3}, {c.size - 4, 3}, {3, c.size - 4}} {
		c.square(at[0], at[1], 4, func(ring int) bool { return ring != 2 && ring != 4 })
	}
	marks := alignment(version, c.size)
	for i, x := range marks {
		for j, y := range marks {
			last := len(marks) - 1
			if i == 0 && (j == 0 || j == last) || i == last && j == 0 {
				continue // a corner of the large patterns
			}
			c.square(x, y, 2, func(ring int) bool { return ring != 1 })
		}
	}
	if version < 7 {
		return
	}
	check := version
	for range 12 {
		check = check<<1 ^ check>>11*0x1f25
	}
	for i := range 18 {
		dark := (version<<12|check)>>i&1 == 1
		c.fix(c.size-11+i%3, i/3, dark)
		c.fix(i/3, c.size-11+i%3, dark)
	}
}

// square draws rings around a centre.
func (c *canvas) square(x, y, radius int, dark func(ring int) bool) {
	for dy := -radius; dy <= radius; dy++ {
		for dx := -radius; dx <= radius; dx++ {
			c.fix(x+dx, y+dy, dark(max(dx, -dx, dy, -dy)))
		}
	}
}

// alignment returns the rows, which are the columns too, of the small patterns.
func alignment(version, size int) []int {
	if version == 1 {
		return nil
	}
	n := version/7 + 2
	step := (version*4 + n*2 + 1) / (n*2 - 2) * 2
	marks := make([]int, n)
	marks[0] = 6
	for i, at := n-1, size-7; i > 0; i, at = i-1, at-step {
		marks[i] = at
	}
	return marks
}

// format draws twice which mask there is, and the level M, whose bits are 00.
func (c *canvas) format(mask int) {
	check := mask
	for range 10 {
		check = check<<1 ^ check>>9*0x537
	}
	bits := (mask<<10 | check) ^ 0x5412
	bit := func(i int) bool { return bits>>i&1 == 1 }
	for i := range 6 {
		c.fix(8, i, bit(i))
	}
	c.fix(8, 7, bit(6))
	c.fix(8, 8, bit(7))
	c.fix(7, 8, bit(8))
	for i := 9; i < 15; i++ {
		c.fix(14-i, 8, bit(i))
	}
	for i := range 8 {
		c.fix(c.size-1-i, 8, bit(i))
	}
	for i := 8; i < 15; i++ {
		c.fix(8, c.size-15+i, bit(i))
	}
	c.fix(8, c.size-8, true)
}

// places calls f for every module that holds data, in the order of the data: in columns of two, up and down.
func (c *canvas) places(f func(x, y int)) {
	up := true
	for right := c.size - 1; right > 0; right -= 2 {
		if right == 6 {
			right = 5 // a column of the pattern
		}
		for i := range c.size {
			y := i
			if up {
				y = c.size - 1 - i
			}
			for _, x := range []int{right, right - 1} {
				if !c.fixed[y][x] {
					f(x, y)
				}
			}
		}
		up = !up
	}
}

func (c *canvas) fill(data []byte) {
	i := 0
	c.places(func(x, y int) {
		if i < 8*len(data) {
			c.dark[y][x] = data[i/8]>>(7-i%8)&1 == 1
		}
		i++
	})
}

// masks turn modules over.
var masks = [...]func(x, y int) bool{
	func(x, y int) bool { return (x+y)%2 == 0 },
	func(_, y int) bool { return y%2 == 0 },
	func(x, _ int) bool { return x%3 == 0 },
	func(x, y int) bool { return (x+y)%3 == 0 },
	func(x, y int) bool { return (x/3+y/2)%2 == 0 },
	func(x, y int) bool { return x*y%2+x*y%3 == 0 },
	func(x, y int) bool { return (x*y%2+x*y%3)%2 == 0 },
	func(x, y int) bool { return ((x+y)%2+x*y%3)%2 == 0 },
}

func (c *canvas) apply(mask int) {
	for y := range c.size {
		for x := range c.size {
			if !c.fixed[y][x] && masks[mask](x, y) {
				c.dark[y][x] = !c.dark[y][x]
			}
		}
	}
}

// penalty counts what is hard to read: runs, blocks, what looks like a large pattern, and an excess of dark or light.
func (c *canvas) penalty() int {
	total, dark := 0, 0
	for i := range c.size {
		total += c.lines(func(j int) bool { return c.dark[i][j] }) + c.lines(func(j int) bool { return c.dark[j][i] })
	}
	for y := range c.size {
		for x := range c.size {
			d := c.dark[y][x]
			if d {
				dark++
			}
			if x > 0 && y > 0 && c.dark[y][x-1] == d && c.dark[y-1][x] == d && c.dark[y-1][x-1] == d {
				total += 3
			}
		}
	}
	percent := 100 * dark / (c.size * c.size)
	return total + 10*(max(percent-50, 50-percent)/5)
}

// lines counts the runs of one row or column, and the likenesses of a large pattern in it.
func (c *canvas) lines(at func(int) bool) (total int) {
	run := 0
	for i := range c.size {
		if i == 0 || at(i) != at(i-1) {
			run = 0
		}
		run++
		switch {
		case run == 5:
			total += 3
		case run > 5:
			total++
		}
	}
	const likeness = 0b1011101
	window := 0
	for i := -4; i < c.size+4; i++ { // the margin is light
		window = window << 1 & 0x7ff
		if i >= 0 && i < c.size && at(i) {
			window |= 1
		}
		if i >= 6 && (window == likeness<<4 || window == likeness) {
			total += 40
		}
	}
	return total
}
