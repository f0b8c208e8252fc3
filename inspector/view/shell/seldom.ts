import { Component, type ComponentChildren } from 'preact'

interface SeldomProps {
  readonly isShown: boolean
  /** It is drawn at most once in so many milliseconds, and then the latest. */
  readonly everyMs: number
  readonly panel: () => ComponentChildren
}

/** What stands still while it is not shown, and is drawn no more often than asked for. */
export class Seldom extends Component<SeldomProps> {
  #drawnMs = Number.NEGATIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | null = null

  override shouldComponentUpdate({ isShown, everyMs }: SeldomProps): boolean {
    if (!isShown) return false
    const waitMs = this.#drawnMs + everyMs - performance.now()
    if (waitMs <= 0 || !this.props.isShown) return true
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      if (this.props.isShown) this.forceUpdate()
    }, waitMs)
    return false
  }

  override componentWillUnmount(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  override render() {
    this.#drawnMs = performance.now()
    return this.props.panel()
  }
}
