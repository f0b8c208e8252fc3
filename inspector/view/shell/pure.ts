import { Component, type ComponentType, createElement, type VNode } from 'preact'

/** A component that is drawn again only when a prop is another object than before. */
export function pure<Props extends object>(Drawn: (props: Props) => VNode | null): ComponentType<Props> {
  return class Pure extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const before = this.props as Readonly<Record<string, unknown>>
      const after = next as Readonly<Record<string, unknown>>
      const keys = new Set([...Object.keys(before), ...Object.keys(after)])
      return [...keys].some((key) => before[key] !== after[key])
    }

    override render(): VNode {
      return createElement(Drawn as ComponentType<object>, this.props)
    }
  }
}
