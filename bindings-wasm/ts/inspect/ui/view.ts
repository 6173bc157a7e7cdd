/** One of the panel's views. */
export interface View {
  readonly element: HTMLElement;
  /** It is shown from now on. */
  show(): void;
  /** It is not shown any more: nothing is to run for it. */
  hide(): void;
}
