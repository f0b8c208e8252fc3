import { beforeEach, describe, expect, test } from 'vitest'
import { Store, type View } from '../../inspector/model/store.ts'
import { keyframe, step, verdict } from './build.ts'

let frames: (() => void)[] = []
let store: Store
let seen: View[] = []

beforeEach(() => {
  frames = []
  seen = []
  store = new Store({ kind: 'recording', name: 'file' }, (run) => frames.push(run))
  store.subscribe((view) => seen.push(view))
})

function frame(): View {
  for (const run of frames.splice(0)) run()
  return seen.at(-1) as View
}

const ten = () => Array.from({ length: 10 }, (_, index) => step({ clock: index + 1 }))

describe('what the page shows', () => {
  test('the latest, told once a frame, with how many records that stands for', () => {
    store.add(ten())
    store.add(ten())
    expect(frame()).toMatchObject({ cursor: 20, end: 20, coalesced: 20, following: { mode: 'live' } })
    expect(seen).toHaveLength(1)
    store.add([step()])
    expect(frame()).toMatchObject({ cursor: 21, coalesced: 1 })
  })

  test('what the reader asks for at the next frame, and what comes in when there is time', () => {
    const asked: boolean[] = []
    const busy = new Store({ kind: 'recording', name: 'file' }, (run, isUrgent) => {
      asked.push(isUrgent)
      frames.push(run)
    })
    let told = 0
    busy.subscribe(() => {
      told += 1
    })
    busy.add(ten())
    busy.add(ten())
    expect(asked).toEqual([false])
    busy.moveBy(-1)
    busy.add(ten())
    busy.moveBy(-1)
    expect(asked).toEqual([false, true])
    for (const run of frames.splice(0)) run()
    expect(told).toBe(1)
  })

  test('what it showed, when the reader has stopped and more comes in', () => {
    store.add(ten())
    store.moveBy(-4)
    store.add(ten())
    expect(frame()).toMatchObject({ cursor: 6, end: 20, following: { mode: 'paused' } })
    expect(store.view.picture.servers[0]?.clock).toBe(6)
    store.follow({ mode: 'live' })
    expect(frame()).toMatchObject({ cursor: 20 })
  })

  test('no record before the first or after the last', () => {
    store.add(ten())
    store.moveBy(-40)
    expect(store.view.cursor).toBe(0)
    store.moveBy(40)
    expect(store.view.cursor).toBe(10)
  })

  test('a record that was selected, with the picture after it', () => {
    store.add(ten())
    store.show(3)
    expect(store.view).toMatchObject({ selected: 3, cursor: 4, following: { mode: 'paused' } })
  })

  test('nothing of a stream that was taken back', () => {
    store.add(ten())
    store.show(3)
    store.setSource({ kind: 'live', state: 'open' })
    store.clear()
    expect(store.view).toMatchObject({ cursor: 0, end: 0, selected: null, following: { mode: 'live' } })
  })

  test('a recording from its beginning, however it comes', () => {
    store.clear()
    store.add(ten())
    store.add(ten())
    expect(frame()).toMatchObject({ cursor: 0, end: 20, following: { mode: 'paused' } })
  })
})

describe('playing', () => {
  beforeEach(() => {
    store.add(ten())
    store.moveTo(0)
    store.follow({ mode: 'playing', perSecond: 5 })
  })

  test('goes on by the clock, and stops at the end of a recording', () => {
    store.tick(0)
    store.tick(400)
    expect(frame()).toMatchObject({ cursor: 2, following: { mode: 'playing' } })
    for (let ms = 800; ms < 4_000; ms += 400) store.tick(ms)
    expect(frame()).toMatchObject({ cursor: 10, following: { mode: 'paused' } })
  })

  test('waits at the end of what a live cluster has told so far', () => {
    store.setSource({ kind: 'live', state: 'open' })
    for (let ms = 0; ms < 4_000; ms += 400) store.tick(ms)
    expect(frame()).toMatchObject({ cursor: 10, following: { mode: 'playing' } })
    store.add(ten())
    expect(frame()).toMatchObject({ cursor: 10 })
    store.tick(4_000)
    expect(frame()).toMatchObject({ cursor: 12 })
  })

  test('begins from the start where there is nothing further, at the speed that was chosen, and stops', () => {
    store.moveTo(10)
    store.setSpeed(100)
    store.playOrPause()
    expect(store.view).toMatchObject({ cursor: 0, following: { mode: 'playing', perSecond: 100 } })
    store.setSpeed(2)
    expect(store.view).toMatchObject({ speed: 2, following: { mode: 'playing', perSecond: 2 } })
    store.playOrPause()
    expect(store.view).toMatchObject({ cursor: 0, following: { mode: 'paused' } })
  })

  test('ends where the reader moves', () => {
    store.moveBy(1)
    expect(store.view).toMatchObject({ cursor: 1, following: { mode: 'paused' } })
  })
})

describe('an invariant that breaks', () => {
  const records = [keyframe(), verdict(), step(), step(), verdict(4), step(), verdict(4), step()]

  test('stops a page that follows, at what broke it', () => {
    store.add(records)
    expect(frame()).toMatchObject({ cursor: 5, selected: 3, following: { mode: 'paused' } })
    expect(store.view.picture.invariants.find(({ invariant }) => invariant === 4)?.standing).toBe('broken')
    expect(store.view.breaches).toEqual([{ invariant: 4, text: 'as it is', verdict: 4 }])
  })

  test('is where a recording is opened', () => {
    store.clear()
    store.add(ten())
    store.add(records)
    expect(frame()).toMatchObject({ cursor: 15, selected: 13, following: { mode: 'paused' } })
  })

  test('stops it once', () => {
    store.add(records)
    store.follow({ mode: 'live' })
    store.add([verdict(4), step()])
    expect(frame()).toMatchObject({ cursor: 10, following: { mode: 'live' } })
  })

  test('stops playing where it is seen', () => {
    store.add(records)
    store.moveTo(1)
    store.follow({ mode: 'playing', perSecond: 100 })
    store.tick(0)
    store.tick(500)
    expect(frame()).toMatchObject({ cursor: 5, selected: 3, following: { mode: 'paused' } })
  })

  test('leaves a reader alone who looks at something else', () => {
    store.add(ten())
    store.moveTo(2)
    store.add(records)
    expect(frame()).toMatchObject({ cursor: 2, selected: null, breaches: [{ verdict: 14 }] })
  })
})
