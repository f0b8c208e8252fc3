/** The drawings of the charts: everything is there once, and nothing covers what is written. */
import { describe, expect, test } from 'vitest'
import { cornerOf } from '../../inspector/charts/corner.ts'
import type { Drawing, DrawnLine, Point, Rectangle } from '../../inspector/charts/drawing.ts'
import { layOutCharts } from '../../inspector/charts/layout.ts'
import { textWidth } from '../../inspector/charts/text-width.ts'
import { clientMachine } from '../../machines/client.ts'
import { edgesOf, statesOf } from '../../src/core/chart-edges.ts'
import { roleMachines } from '../../src/core/roles.ts'

const charts = await layOutCharts()
const machines = { ...roleMachines, client: clientMachine }
const shapes = ['wide', 'tall', 'full'] as const
const drawings = charts.flatMap((chart) => [
  ...shapes.map((shape) => ({ title: `${chart.name}, ${shape}`, chart, shape, drawing: chart[shape] })),
  ...(['wide', 'tall'] as const).flatMap((shape) =>
    chart.folded === null
      ? []
      : [{ title: `${chart.name}, folded, ${shape}`, chart, shape, drawing: chart.folded[shape] }],
  ),
])

interface Written extends Rectangle {
  readonly text: string
}

describe.each(charts)('$name', (chart) => {
  const machine = machines[chart.name]

  test('every transition is drawn once, as an arrow or as a row', () => {
    const drawn = [
      ...chart.full.arrows.flatMap(({ ids }) => ids),
      ...chart.full.boxes.flatMap(({ rows }) => rows.flatMap(({ id }) => (id === null ? [] : [id]))),
    ]
    expect(drawn.toSorted()).toEqual(
      edgesOf(machine)
        .map(({ id }) => id)
        .toSorted(),
    )
    for (const { ids, labels } of chart.full.arrows) expect(labels.map(({ id }) => id)).toEqual(ids)
  })

  test('an overview has all arrows', () => {
    const ids = (drawing: Drawing) => drawing.arrows.flatMap((arrow) => arrow.ids).toSorted()
    expect(ids(chart.wide)).toEqual(ids(chart.full))
    expect(ids(chart.tall)).toEqual(ids(chart.full))
  })

  test('every state is drawn in every drawing, and told of', () => {
    const ids = statesOf(machine.root).map(({ id }) => id)
    expect(chart.states.map(({ id }) => id)).toEqual(ids)
    for (const shape of shapes) {
      const boxes = chart[shape].boxes.filter(({ kind }) => kind !== 'any').map(({ id }) => id)
      expect(boxes).toEqual(ids.slice(1))
    }
    for (const { id, description } of chart.states.slice(1)) expect(description, id).not.toBe('')
    expect(chart.states.some(({ paper }) => paper !== null)).toBe(true)
  })

  test('nothing of XState itself is written', () => {
    expect(JSON.stringify(chart)).not.toContain('"xstate.')
  })
})

test('a folded chart has its seldom entered state as one box, and all arrows that enter or leave it', () => {
  const { states, folded, full } = charts.find(({ name }) => name === 'learner') ?? {}
  if (folded == null || states === undefined || full === undefined) throw new Error('no folded learner')
  const isInner = (id: string) => id.startsWith(`${folded.state}.`)
  const isWithin = (id: string) => id === folded.state || isInner(id)
  const outside = full.arrows.filter(({ from, to }) => !(isWithin(from) && isWithin(to)))
  for (const drawing of [folded.wide, folded.tall]) {
    expect(drawing.boxes.map(({ id }) => id)).toEqual(
      states
        .slice(1)
        .map(({ id }) => id)
        .filter((id) => !isInner(id)),
    )
    expect(drawing.boxes.find(({ id }) => id === folded.state)?.kind).toBe('state')
    expect(drawing.arrows.flatMap(({ ids }) => ids).toSorted()).toEqual(
      outside.flatMap(({ ids }) => ids).toSorted(),
    )
  }
})

describe.each(drawings)('$title', ({ chart, shape, drawing }) => {
  const written = writtenIn(drawing)

  test('no two texts overlap', () => {
    for (const [index, one] of written.entries()) {
      for (const other of written.slice(index + 1)) {
        expect(overlap(one, other), `${one.text} and ${other.text}`).toBe(false)
      }
    }
  })

  test('what is written in a box is inside it, and no text touches a border', () => {
    for (const box of drawing.boxes) {
      const own = [box.title, ...box.rows.flatMap(({ lines }) => lines)].map(placeOf)
      for (const text of own) expect(isInside(text, box), `${text.text} in ${box.id}`).toBe(true)
      for (const text of written) {
        expect(isInside(text, box) || !overlap(text, box), `${text.text} at ${box.id}`).toBe(true)
      }
    }
  })

  test('labels stand outside of all states but those around both ends', () => {
    for (const { from, to, labels } of drawing.arrows) {
      for (const label of labels.flatMap(({ lines }) => lines).map(placeOf)) {
        for (const box of drawing.boxes) {
          const isAround = from.startsWith(`${box.id}.`) && to.startsWith(`${box.id}.`)
          expect(isAround || !overlap(label, box), `${label.text} at ${box.id}`).toBe(true)
        }
      }
    }
  })

  test('no line goes through a text', () => {
    for (const { points } of [...drawing.arrows, ...drawing.starts]) {
      for (const [index, point] of points.slice(1).entries()) {
        const line = between(points[index] ?? point, point)
        for (const text of written) expect(overlap(line, text), text.text).toBe(false)
      }
    }
  })

  test('no line goes through a state', () => {
    for (const { from, to, points } of drawing.arrows) {
      for (const box of drawing.boxes) {
        if (isWithin(from, box.id) || isWithin(to, box.id)) continue
        for (const [index, point] of points.slice(1).entries()) {
          const line = between(points[index] ?? point, point)
          expect(overlap(line, box), `${from} → ${to} through ${box.id}`).toBe(false)
        }
      }
    }
  })

  test('boxes are apart or inside each other', () => {
    for (const one of drawing.boxes) {
      for (const other of drawing.boxes) {
        if (one === other || isInside(one, other) || isInside(other, one)) continue
        expect(overlap(one, other), `${one.id} and ${other.id}`).toBe(false)
      }
    }
  })

  test('tokens have room below the title, and nothing is written there', () => {
    for (const { id, kind, lane } of drawing.boxes) {
      expect(lane !== null, id).toBe(kind === 'state')
      if (lane === null) continue
      expect(lane.width).toBeGreaterThanOrEqual(76)
      for (const text of written) expect(overlap(lane, text), text.text).toBe(false)
    }
  })

  test('everything is inside the drawing, and an overview leaves room for its name', () => {
    const whole = { x: 0, y: 0, width: drawing.width, height: drawing.height }
    const lines = [...drawing.arrows, ...drawing.starts].flatMap(({ points }) =>
      points.slice(1).map((point, index) => between(points[index] ?? point, point)),
    )
    for (const place of [...drawing.boxes, ...written, ...lines]) {
      expect(isInside(place, whole), JSON.stringify(place)).toBe(true)
      if (shape !== 'full') expect(overlap(place, cornerOf(chart.name)), JSON.stringify(place)).toBe(false)
    }
  })
})

function writtenIn({ boxes, arrows }: Drawing): readonly Written[] {
  const texts = [...boxes.flatMap(({ rows }) => rows), ...arrows.flatMap(({ labels }) => labels)]
  return [...boxes.map(({ title }) => title), ...texts.flatMap(({ lines }) => lines)].map(placeOf)
}

/** The letters of a line: from their highest to their lowest point, as wide as they are, not as the layout estimated. */
function placeOf({ x, y, spans }: DrawnLine): Written {
  const widths = spans.map(({ kind, text }) =>
    kind === 'title' ? textWidth(text, 12, 'bold') : textWidth(text, 12),
  )
  const width = widths.reduce((sum, one) => sum + one, 0) + 4 * (spans.length - 1)
  return { text: spans.map(({ text }) => text).join(' '), x, y: y - 11, width, height: 14 }
}

function between([x1, y1]: Point, [x2, y2]: Point): Rectangle {
  return { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x1 - x2), height: Math.abs(y1 - y2) }
}

function overlap(a: Rectangle, b: Rectangle): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

function isInside(inner: Rectangle, outer: Rectangle): boolean {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  )
}

function isWithin(id: string, outer: string): boolean {
  return id === outer || id.startsWith(`${outer}.`)
}
