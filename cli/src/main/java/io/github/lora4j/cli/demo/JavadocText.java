package io.github.lora4j.cli.demo;

import com.sun.source.doctree.DocCommentTree;
import com.sun.source.doctree.DocTree;
import com.sun.source.doctree.EndElementTree;
import com.sun.source.doctree.EntityTree;
import com.sun.source.doctree.ErroneousTree;
import com.sun.source.doctree.EscapeTree;
import com.sun.source.doctree.IndexTree;
import com.sun.source.doctree.InheritDocTree;
import com.sun.source.doctree.LinkTree;
import com.sun.source.doctree.LiteralTree;
import com.sun.source.doctree.RawTextTree;
import com.sun.source.doctree.ReturnTree;
import com.sun.source.doctree.StartElementTree;
import com.sun.source.doctree.SummaryTree;
import com.sun.source.doctree.SystemPropertyTree;
import com.sun.source.doctree.TextTree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.SimpleDocTreeVisitor;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Turns a Javadoc comment into the plain text of its first sentence.
 *
 * <p>{@code {@code x}} and {@code {@literal x}} become x, links become their label or else the short name of what they
 * point to, entities become characters, HTML tags vanish, white space is folded. A sentence ends at a full stop, question
 * or exclamation mark before white space unless that belongs to an abbreviation, and at the first block element
 * (paragraph, list, table, code block), whichever comes first.
 */
final class JavadocText extends SimpleDocTreeVisitor<Void, StringBuilder> {

  private static final char BREAK = '\u0000';
  private static final Set<String> BLOCKS = Set.of("p", "ul", "ol", "li", "dl", "dt", "dd", "pre", "table", "tr", "div",
      "blockquote", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "section");
  private static final Pattern SENTENCE_END = Pattern.compile("[.!?](?=[\\s)]|$)");
  private static final Pattern ABBREVIATION =
      Pattern.compile("(?i)(^|[\\s(])(e\\.g|i\\.e|etc|vs|cf|resp|approx|incl)$|[:;] \\d$");
  private static final Pattern HTML = Pattern.compile("</?[A-Za-z][^<>]*>");
  private static final Pattern MARKDOWN_LINK = Pattern.compile("\\[([^\\[\\]]+)](\\([^()]*\\)|\\[[^\\[\\]]*])?");

  private final DocTrees trees;

  JavadocText(DocTrees trees) {
    this.trees = trees;
  }

  /** The first sentence of a comment as plain text, empty when there is none. */
  String firstSentence(DocCommentTree comment) {
    StringBuilder text = new StringBuilder();
    for (DocTree tree : comment.getFullBody()) {
      // {@summary ...} and {@return ...} are defined to be the whole first sentence.
      if (tree instanceof SummaryTree || tree instanceof ReturnTree) {
        text.setLength(0);
        visit(tree, text);
        return firstSentence(text + ".");
      }
      visit(tree, text);
    }
    return firstSentence(text.toString());
  }

  /** The first sentence of text in which block boundaries are marked by a NUL character. */
  static String firstSentence(String text) {
    for (String block : text.split(String.valueOf(BREAK))) {
      String folded = block.replaceAll("[\\s\\u00a0]+", " ").replaceAll(" (?=[,;.])", "").strip();
      if (folded.isEmpty()) {
        continue;
      }
      Matcher end = SENTENCE_END.matcher(folded);
      while (end.find()) {
        String sentence = folded.substring(0, end.start());
        if (!ABBREVIATION.matcher(sentence).find()) {
          return sentence.strip();
        }
      }
      return folded.replaceFirst("[\\s:;,.]+$", "");
    }
    return "";
  }

  private Void visitAll(List<? extends DocTree> nodes, StringBuilder out) {
    nodes.forEach(node -> visit(node, out));
    return null;
  }

  private static Void add(StringBuilder out, String text) {
    out.append(text);
    return null;
  }

  @Override
  public Void visitText(TextTree node, StringBuilder out) {
    return add(out, node.getBody());
  }

  @Override
  public Void visitLiteral(LiteralTree node, StringBuilder out) {
    return add(out, node.getBody().getBody());
  }

  @Override
  public Void visitEntity(EntityTree node, StringBuilder out) {
    String characters = trees.getCharacters(node);
    return add(out, characters == null ? " " : characters);
  }

  @Override
  public Void visitEscape(EscapeTree node, StringBuilder out) {
    return add(out, node.getBody());
  }

  @Override
  public Void visitLink(LinkTree node, StringBuilder out) {
    if (!node.getLabel().isEmpty()) {
      return visitAll(node.getLabel(), out);
    }
    return add(out, shortName(node.getReference().getSignature()));
  }

  /** {@code java.util.Map#get(Object)} is {@code Map.get}, {@code #size} is {@code size}. */
  static String shortName(String reference) {
    String name = reference.replaceFirst("\\(.*", "").replaceAll("<[^<>]*>", "").replaceFirst("^.*/", "");
    int hash = name.indexOf('#');
    String type = hash < 0 ? name : name.substring(0, hash);
    type = type.replaceFirst("^([a-z_][a-z0-9_]*\\.)+(?=[A-Z])", "");
    return hash < 0 ? type : type.isEmpty() ? name.substring(hash + 1) : type + "." + name.substring(hash + 1);
  }

  @Override
  public Void visitStartElement(StartElementTree node, StringBuilder out) {
    return element(node.getName().toString(), out);
  }

  @Override
  public Void visitEndElement(EndElementTree node, StringBuilder out) {
    return element(node.getName().toString(), out);
  }

  private static Void element(String name, StringBuilder out) {
    String tag = name.toLowerCase(Locale.ROOT);
    if (BLOCKS.contains(tag)) {
      out.append(BREAK);
    } else if (tag.equals("br")) {
      out.append(' ');
    }
    return null;
  }

  @Override
  public Void visitSummary(SummaryTree node, StringBuilder out) {
    return visitAll(node.getSummary(), out);
  }

  @Override
  public Void visitReturn(ReturnTree node, StringBuilder out) {
    out.append("Returns ");
    return visitAll(node.getDescription(), out);
  }

  @Override
  public Void visitIndex(IndexTree node, StringBuilder out) {
    return visit(node.getSearchTerm(), out);
  }

  @Override
  public Void visitSystemProperty(SystemPropertyTree node, StringBuilder out) {
    return add(out, node.getPropertyName().toString());
  }

  /** An inherited comment has no text of its own here. */
  @Override
  public Void visitInheritDoc(InheritDocTree node, StringBuilder out) {
    return null;
  }

  /** Markdown comments: emphasis and code marks go, links become their label, a blank line ends the paragraph. */
  @Override
  public Void visitRawText(RawTextTree node, StringBuilder out) {
    String text = node.getContent().replaceAll("\\n[ \\t]*\\n", String.valueOf(BREAK)).replaceAll("[`*]", "");
    Matcher link = MARKDOWN_LINK.matcher(text);
    return add(out, link.replaceAll(m -> Matcher.quoteReplacement(shortName(m.group(1)))));
  }

  /** Malformed HTML or tags are kept as the text they are, without what looks like a tag. */
  @Override
  public Void visitErroneous(ErroneousTree node, StringBuilder out) {
    return add(out, HTML.matcher(node.getBody()).replaceAll(" "));
  }
}
