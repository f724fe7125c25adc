package io.github.lora4j.cli.demo;

import com.sun.source.doctree.DeprecatedTree;
import com.sun.source.doctree.DocCommentTree;
import com.sun.source.tree.BlockTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.ModifiersTree;
import com.sun.source.tree.NewClassTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import javax.lang.model.element.Modifier;

/** Walks one parsed file and collects its documented public and protected methods. */
final class MethodScanner extends TreePathScanner<Void, Void> {

  private final DocTrees trees;
  private final CompilationUnitTree unit;
  private final String path;
  private final List<Pair> found;
  private final JavadocText javadoc;
  private final SignatureText signatures = new SignatureText();
  private final Deque<ClassTree> classes = new ArrayDeque<>();

  MethodScanner(DocTrees trees, CompilationUnitTree unit, String path, List<Pair> found) {
    this.trees = trees;
    this.unit = unit;
    this.path = path;
    this.found = found;
    this.javadoc = new JavadocText(trees);
  }

  @Override
  public Void visitClass(ClassTree type, Void unused) {
    if (visible(type.getModifiers())) {
      classes.addLast(type);
      super.visitClass(type, null);
      classes.removeLast();
    }
    return null;
  }

  @Override
  public Void visitMethod(MethodTree method, Void unused) {
    DocCommentTree comment = trees.getDocCommentTree(getCurrentPath());
    if (comment != null && method.getReturnType() != null && visible(method.getModifiers())
        && !deprecated(method, comment)) {
      String sentence = javadoc.firstSentence(comment);
      if (sentence.split(" ").length >= JavadocPairs.MIN_WORDS) {
        found.add(new Pair(sentence, signatures.of(className(), method), path + ":" + line(getCurrentPath())));
      }
    }
    return null;
  }

  /** Local and anonymous classes are nobody's API. */
  @Override
  public Void visitBlock(BlockTree block, Void unused) {
    return null;
  }

  @Override
  public Void visitNewClass(NewClassTree creation, Void unused) {
    return null;
  }

  private String className() {
    StringBuilder name = new StringBuilder();
    for (ClassTree type : classes) {
      name.append(name.isEmpty() ? "" : ".").append(type.getSimpleName());
    }
    return name.toString();
  }

  private long line(TreePath at) {
    long start = trees.getSourcePositions().getStartPosition(unit, at.getLeaf());
    return unit.getLineMap().getLineNumber(start);
  }

  /** Members of interfaces and annotations are public without saying so. */
  private boolean visible(ModifiersTree modifiers) {
    Set<Modifier> flags = modifiers.getFlags();
    if (flags.contains(Modifier.PUBLIC) || flags.contains(Modifier.PROTECTED)) {
      return true;
    }
    Tree.Kind owner = classes.isEmpty() ? Tree.Kind.CLASS : classes.getLast().getKind();
    return (owner == Tree.Kind.INTERFACE || owner == Tree.Kind.ANNOTATION_TYPE) && !flags.contains(Modifier.PRIVATE);
  }

  private static boolean deprecated(MethodTree method, DocCommentTree comment) {
    return comment.getBlockTags().stream().anyMatch(DeprecatedTree.class::isInstance)
        || method.getModifiers().getAnnotations().stream()
            .anyMatch(annotation -> annotation.getAnnotationType().toString().matches("(java\\.lang\\.)?Deprecated"));
  }
}
