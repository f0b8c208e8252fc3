import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Seldom } from '../../inspector/view/shell/seldom.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => vi.useRealTimers())

/** One that is drawn as preact does it. */
class Drawn {
  readonly seen: string[] = []
  readonly #seldom: Seldom

  constructor(text: string) {
    this.#seldom = new Seldom(this.#props(text, 0, true))
    this.#seldom.forceUpdate = () => this.#seldom.render()
    this.#seldom.render()
  }

  show(text: string, everyMs: number, isShown = true): void {
    const next = this.#props(text, everyMs, isShown)
    const isDue = this.#seldom.shouldComponentUpdate(next)
    this.#seldom.props = next
    if (isDue) this.#seldom.render()
  }

  end(): void {
    this.#seldom.componentWillUnmount()
  }

  #props(text: string, everyMs: number, isShown: boolean) {
    return { everyMs, isShown, panel: () => this.seen.push(text) }
  }
}

test('each change is drawn at once, until it is asked to be seldom; then the latest, when it is time', () => {
  const drawn = new Drawn('a')
  drawn.show('b', 0)
  drawn.show('c', 100)
  drawn.show('d', 100)
  expect(drawn.seen).toEqual(['a', 'b'])
  vi.advanceTimersByTime(100)
  expect(drawn.seen).toEqual(['a', 'b', 'd'])
  vi.advanceTimersByTime(1_000)
  expect(drawn.seen).toEqual(['a', 'b', 'd'])
  drawn.show('e', 100)
  drawn.show('f', 0)
  expect(drawn.seen).toEqual(['a', 'b', 'd', 'e', 'f'])
})

test('what is not shown stands still, and is drawn as soon as it is shown again', () => {
  const drawn = new Drawn('a')
  drawn.show('b', 100)
  drawn.show('c', 100, false)
  vi.advanceTimersByTime(1_000)
  drawn.show('d', 100, false)
  expect(drawn.seen).toEqual(['a'])
  drawn.show('e', 100)
  drawn.show('f', 100, false)
  drawn.show('g', 100)
  expect(drawn.seen).toEqual(['a', 'e', 'g'])
})

test('what is taken off the page is drawn no more', () => {
  const drawn = new Drawn('a')
  drawn.show('b', 100)
  drawn.end()
  vi.advanceTimersByTime(1_000)
  expect(drawn.seen).toEqual(['a'])
})
