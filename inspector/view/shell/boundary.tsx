import { Component, type ComponentChildren } from 'preact'

interface BoundaryProps {
  /** What it holds, for the reader: `ledger`. */
  readonly name: string
  readonly children?: ComponentChildren
}

/** What fails in it leaves the rest of the page alone: the reader is told, and can have it tried again. */
export class Boundary extends Component<BoundaryProps, { readonly error: Error | null }> {
  override state = { error: null as Error | null }

  override componentDidCatch(error: Error): void {
    this.setState({ error })
  }

  override render() {
    const { error } = this.state
    if (error === null) return this.props.children
    return (
      <div class="part-failed" role="alert">
        <p>
          The {this.props.name} cannot be shown: {error.message}
        </p>
        <button type="button" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </div>
    )
  }
}
