import type { Control, PartProps } from './context.ts'

export function Faults(_: PartProps & { readonly control: Control }) {
  return <p>To be drawn.</p>
}
