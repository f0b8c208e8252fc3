import { Component, type ComponentChildren } from 'preact'

interface SeldomProps {
  readonly isShown: boolean
  /** The minimum interval between two drawings, in milliseconds. Then the latest state is drawn. */
  readonly everyMs: number
  readonly panel: () => ComponentChildren
}

/** A component that is not drawn while hidden, and is drawn at a limited rate. */
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
