package io.github.lora4j.inference.model;

/** The text of one answer as it comes, without what may turn out to be a call of a tool. */
public final class ToolStream {

  private final ToolForm form;
  private final StringBuilder waiting = new StringBuilder();
  /** Where calls are whole answers: this one has begun as text. */
  private boolean plain;

  /** Of an answer in which calls are written like this. */
  public ToolStream(ToolForm form) {
    this.form = form;
  }

  /** The answer goes on; what of it is text. */
  public String more(String text) {
    waiting.append(text);
    int certain = plain ? waiting.length() : form.held(waiting);
    String now = waiting.substring(0, certain);
    waiting.delete(0, certain);
    plain |= form == ToolForm.JSON && !now.isEmpty();
    return now;
  }

  /** The answer has ended: what was held back. */
  public ToolForm.Parts end() {
    return form.read(waiting.toString());
  }
}
