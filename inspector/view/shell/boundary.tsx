import { Component, type ComponentChildren } from 'preact'

interface BoundaryProps {
  /** The name of its content, for the reader: `ledger`. */
  readonly name: string
  readonly children?: ComponentChildren
}

/** Limits an exception to its content: the rest of the page works on. The reader sees the error and can retry. */
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
