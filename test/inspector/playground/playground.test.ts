import { describe, expect, test } from 'vitest'
import { Store } from '../../../inspector/model/store.ts'
import { isChanged, Playground } from '../../../inspector/playground/playground.ts'
import { endOf, here } from '../../../inspector/playground/session.ts'
import { recordingHead } from '../../../src/inspect/records/record-lines.ts'
import { drawPlan } from '../../../src/simulator/draw-plan.ts'
import { formatPlan } from '../../../src/simulator/plan-file.ts'

/** A page without a screen: frames are drawn and time passes when a test says so. */
class Page {
  readonly #frames: (() => void)[] = []
  readonly store = new Store({ kind: 'playground' }, (run) => this.#frames.push(run))
  #tick: (() => void) | null = null
  readonly playground = new Playground(this.store, (run) => {
    this.#tick = run
    return () => {
      this.#tick = null
    }
  })

  get session() {
    return this.playground.state.session
  }

  /** True when it goes on by itself. */
  get isTicking(): boolean {
    return this.#tick !== null
  }

  draw(): void {
    for (const frame of this.#frames.splice(0)) frame()
  }

  tick(): void {
    this.#tick?.()
  }

  /** The page shows what has happened up to where the reader is. */
  check(): void {
    this.draw()
    const { recordsEnd, state } = here(this.session)
    expect(this.store.view.cursor).toBe(recordsEnd)
    expect(this.store.view.end).toBe(endOf(this.session).recordsEnd)
    const shown = this.store.view.picture.servers.map(({ state: is }) => is)
    expect(shown).toEqual(state.servers.map(({ node }) => (node.running === null ? 'gone' : 'up')))
  }
}

const lockX = 'request a→0 lock x'

describe('the page and the session', () => {
  test('are at the same place, forwards, backwards and on another way', () => {
    const page = new Page()
    page.check()
    page.playground.command(lockX)
    page.check()
    for (let i = 0; i < 6; i += 1) expect(page.playground.step()).toBe(true)
    page.check()
    page.playground.back()
    page.check()
    expect(page.session.at).toBe(6)
    page.playground.step()
    page.check()
    page.playground.back()
    page.playground.command('crash 2')
    page.check()
    expect(page.session.ends).toHaveLength(2)
    const [first] = page.session.ends
    if (first !== undefined) page.playground.switchTo(first)
    page.check()
    expect(page.session.at).toBe(7)
  })

  test('a reader who goes back in time goes on from there', () => {
    const page = new Page()
    page.playground.command(lockX)
    for (let i = 0; i < 6; i += 1) page.playground.step()
    page.draw()
    const before = here(page.session)
    page.store.moveTo(page.session.path[3]?.recordsEnd ?? 0)
    page.draw()
    expect(page.session.at).toBe(3)
    page.playground.command('crash 1')
    page.check()
    expect(page.session.path).toHaveLength(5)
    expect(page.session.ends).toContain(before)
  })

  test('a cut is gone back over, though no record tells of it', () => {
    const page = new Page()
    page.playground.command('cut 0 from 1')
    page.check()
    page.playground.back()
    page.check()
    expect(page.session.at).toBe(0)
    expect(page.playground.step()).toBe(true)
    expect(here(page.session).state.cuts).toHaveLength(2)
  })

  test('it goes on by itself until nothing is left', () => {
    const page = new Page()
    page.playground.command(lockX)
    page.playground.play()
    for (let i = 0; i < 100 && page.isTicking; i += 1) page.tick()
    expect(page.isTicking).toBe(false)
    expect(page.playground.state.isPlaying).toBe(false)
    expect(here(page.session).state.clients[0]?.requests[0]?.outcome).toMatchObject({ kind: 'executed' })
    page.check()
  })
})

describe('the time bar', () => {
  test('makes more happen where the records end, and before that goes through what happened', () => {
    const page = new Page()
    page.playground.command(lockX)
    page.draw()
    const { end } = page.store.view
    page.store.moveBy(1)
    expect(page.session.at).toBe(2)
    page.check()
    expect(page.store.view.end).toBeGreaterThan(end)
    page.store.moveBy(-1)
    page.draw()
    const latest = page.session.path.length
    page.store.moveBy(1)
    page.draw()
    expect(page.session.path).toHaveLength(latest)
    expect(page.store.view.cursor).toBe(page.store.view.end)
  })

  test('runs from the latest on, and stops', () => {
    const page = new Page()
    page.playground.command(lockX)
    page.draw()
    expect(page.store.view).toMatchObject({ goesOn: true, isRunning: false })
    page.store.playOrPause()
    page.tick()
    page.tick()
    page.draw()
    expect(page.session.at).toBe(3)
    expect(page.store.view.isRunning).toBe(true)
    page.store.playOrPause()
    page.draw()
    expect([page.isTicking, page.store.view.isRunning]).toEqual([false, false])
    // Further back there is something to play.
    page.store.moveTo(page.store.view.first)
    page.store.playOrPause()
    page.draw()
    expect(page.store.view.following.mode).toBe('playing')
    expect(page.isTicking).toBe(false)
  })

  test('makes nothing happen in a recording', () => {
    const page = new Page()
    page.store.setSource({ kind: 'recording', name: 'file' })
    page.store.moveBy(1)
    page.store.playOrPause()
    expect([page.session.path.length, page.isTicking, page.store.view.goesOn]).toEqual([1, false, false])
  })
})

describe('a schedule that was opened', () => {
  const schedule = `servers 3\n${lockX}\ndeliver a→0 request\nsync 0\n`

  test('is known by its name until another begins, and it is seen when the reader changed it', () => {
    const page = new Page()
    const { playground } = page
    expect(playground.state.opened).toBeNull()
    playground.open('A short one', schedule, { atEnd: false })
    expect(playground.state.opened?.name).toBe('A short one')
    while (page.session.at < page.session.path.length - 1) playground.step()
    playground.back()
    expect(isChanged(playground.state)).toBe(false)
    playground.command('crash 1')
    expect(playground.state.opened?.name).toBe('A short one')
    expect(isChanged(playground.state)).toBe(true)
    playground.found({ servers: 3, service: 'lock' })
    expect(playground.state.opened).toBeNull()
    expect(isChanged(playground.state)).toBe(false)
  })

  test('is gone back to at the place where it was left', () => {
    const page = new Page()
    const { playground } = page
    playground.open('A short one', schedule)
    const { path } = page.session
    playground.goTo(2)
    playground.command('crash 1')
    playground.command('restart 1')
    playground.returnToOpened()
    expect(isChanged(playground.state)).toBe(false)
    expect(page.session.path).toEqual(path)
    expect(page.session.at).toBe(2)
    page.check()
    playground.goTo(path.length - 1)
    playground.step()
    expect(isChanged(playground.state)).toBe(true)
    playground.returnToOpened()
    expect(page.session.at).toBe(path.length - 1)
    page.check()
  })
})

describe('links and files', () => {
  test('a link leads to the same place of the same schedule', async () => {
    const page = new Page()
    page.playground.found({ servers: 5, service: 'kv' })
    page.playground.command('request a→0 {"action":"put","key":"x","value":"→ ü"}')
    page.playground.adjust({ chooser: 'chance', seed: 12 })
    for (let i = 0; i < 60; i += 1) page.playground.step()
    page.playground.goTo(40)
    const other = new Page()
    await other.playground.openLink(await page.playground.link())
    expect(other.playground.state.problem).toBeNull()
    expect(other.session.setting).toEqual(page.session.setting)
    expect(other.session.at).toBe(40)
    expect(here(other.session).state).toEqual(here(page.session).state)
    expect(endOf(other.session).state).toEqual(endOf(page.session).state)
    expect([other.playground.state.seed, other.playground.state.chooser]).toEqual([12, 'chance'])
    other.check()
    // And goes on alike.
    page.playground.goTo(60)
    other.playground.goTo(60)
    for (const each of [page, other]) each.playground.step()
    expect(here(other.session).line).toBe(here(page.session).line)
  })

  test('what is copied out is a transcript that tells what happened, and is read again', () => {
    const page = new Page()
    page.playground.command(lockX)
    page.playground.step()
    const text = page.playground.transcript()
    expect(text).toContain('deliver a→0 request\n  0→0,1,2 prepare 1.0 from instance 0\n')
    const other = new Page()
    other.playground.open('copied', text)
    expect(here(other.session).state).toEqual(here(page.session).state)
  })

  test('a recording is shown, and not gone on with', () => {
    const page = new Page()
    page.playground.command(lockX)
    const records = page.session.path.flatMap((point) => point.records)
    const lines = [recordingHead, ...records.map((record) => JSON.stringify(record)), '{"kind":"serv']
    const text = lines.join('\n')
    page.playground.open('seen.ndjson', text)
    page.draw()
    expect(page.store.view.source).toEqual({ kind: 'recording', name: 'seen.ndjson' })
    expect(page.store.view.end).toBe(records.length)
    expect(page.playground.state.recording).toBe('seen.ndjson')
    page.playground.returnToSession()
    page.check()
    expect(page.store.view.source).toEqual({ kind: 'playground' })
  })

  test('a plan of the simulator is run, and the address says it again', async () => {
    const plan = drawPlan(4, { servers: 3, faults: ['cut', 'crash'] })
    const page = new Page()
    page.playground.open('plan.json', formatPlan(plan))
    page.draw()
    const shown = page.playground.state.recording
    expect(shown).toBe('the simulated run of seed 4 (everything held)')
    expect(page.store.view.source).toEqual({ kind: 'recording', name: shown })
    const { end, picture } = page.store.view
    expect(end).toBeGreaterThan(100)
    // One plays it from its beginning.
    expect(picture.clients).toEqual([])
    page.store.moveTo(end)
    expect(page.store.view.picture.clients.length).toBeGreaterThan(0)
    const other = new Page()
    await other.playground.openLink(await page.playground.link())
    other.draw()
    expect(other.store.view.picture).toEqual(picture)
    page.playground.returnToSession()
    page.check()
    expect(await page.playground.link()).toContain('&t=servers')
  })

  test('a plan that fails in the page shows what broke', () => {
    const page = new Page()
    const plan = drawPlan(3, { servers: 2, faults: [] })
    const forGood = { kind: 'cut' as const, links: [[0, 1] as const, [1, 0] as const], atMs: 0, forMs: 1e9 }
    page.playground.simulate({ ...plan, faults: [forGood] })
    page.draw()
    // This seed draws that messages go through the codec.
    expect(page.playground.state.recording).toMatch(
      /^the simulated run of seed 3 \(failed after \d+ ms; without the codec, which needs Node.js\)$/,
    )
    expect(page.store.view.breaches).toMatchObject([{ invariant: 11 }])
    expect(page.store.view.picture.invariants.find(({ invariant }) => invariant === 11)?.standing).toBe(
      'broken',
    )
  })

  test('a plan that would hold up the page is refused', () => {
    const page = new Page()
    page.playground.open('long.json', formatPlan({ ...drawPlan(3), stormMs: 1e9 }))
    expect(page.playground.state.problem).toContain('long.json: its storm lasts 1000000000 ms')
    page.check()
  })

  test('a schedule that tells of a violation which does not happen says so', () => {
    const page = new Page()
    page.playground.open(
      'found.txt',
      `# It breaks this: invariant 1 (agreement): two batches\nservers 3\n${lockX}\n`,
    )
    expect(page.playground.state.problem).toBe(
      'found.txt: it reports "invariant 1 (agreement): two batches", which does not happen here: this page runs other code',
    )
    page.playground.open('plain.txt', `servers 3\n${lockX}\n`)
    expect(page.playground.state.problem).toBeNull()
  })

  test.each([
    ['nonsense', 'a file: line 1, "nonsense": "nonsense" is not a command of a transcript'],
    ['{"kind":"moon"}\n{}\n', 'a file: it is a recording of version 1'],
    [
      `${recordingHead}\n{"kind":"moon"}\n{}\n`,
      'line 2 is not a record of the inspector: no record is of the kind',
    ],
    ['{"clock":1,"node":0,"run":{}}\n', 'line 1 belongs to a journal of `paxos node --journal`'],
    ['{not JSON', 'a file: it contains no record of the inspector'],
    ['{not JSON\n', 'line 1 is not JSON'],
    ['servers 3\ncrash 0\ncrash 0', 'a file: line 3, "crash 0": server 0 is down'],
  ])('%j: the reader is told what is wrong', (text, expected) => {
    const page = new Page()
    page.playground.open('a file', text)
    expect(page.playground.state.problem).toContain(expected)
    page.check()
  })

  test('what comes before what is wrong is shown', async () => {
    const page = new Page()
    await page.playground.openLink('#playground&t=servers%204%0Acrash%201%0Afly')
    expect(page.playground.state.problem).toContain('line 3')
    expect(page.session.path).toHaveLength(2)
    page.check()
    await page.playground.openLink('#playground&z=AAAA')
    expect(page.playground.state.problem).toContain('is damaged')
    page.check()
  })
})
