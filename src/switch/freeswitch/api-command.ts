/** Answers an api command from its argument text. */
export type ApiCommand = (args: string) => string | Promise<string>;
