package io.github.lora4j.cli.demo;

import com.sun.source.tree.AnnotatedTypeTree;
import com.sun.source.tree.ArrayTypeTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.ParameterizedTypeTree;
import com.sun.source.tree.PrimitiveTypeTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.tree.WildcardTree;
import com.sun.source.util.SimpleTreeVisitor;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Writes a method as a search index shows it: {@code ImmutableMap.Builder.put(K key, V value) : Builder<K, V>}. The name
 * comes first, since an embedding model gives it the most room there; modifiers, annotations, package names, the method's
 * own type parameters and thrown types are left out.
 */
final class SignatureText extends SimpleTreeVisitor<String, Void> {

  /** The text of a method of a class, whose name is given with its outer classes. */
  String of(String className, MethodTree method) {
    String parameters = method.getParameters().stream().map(this::parameter).collect(Collectors.joining(", "));
    return className + "." + method.getName() + "(" + parameters + ") : " + visit(method.getReturnType(), null);
  }

  private String parameter(VariableTree parameter) {
    String type = visit(parameter.getType(), null);
    // A variable-arity parameter is an array type to the tree; only its text tells.
    if (type.endsWith("[]") && parameter.toString().contains("...")) {
      type = type.substring(0, type.length() - 2) + "...";
    }
    return type + " " + parameter.getName();
  }

  @Override
  public String visitPrimitiveType(PrimitiveTypeTree node, Void unused) {
    return node.getPrimitiveTypeKind().name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String visitIdentifier(IdentifierTree node, Void unused) {
    return node.getName().toString();
  }

  /** {@code java.util.Map.Entry} and {@code Map.Entry} are both {@code Map.Entry}: packages are in lower case. */
  @Override
  public String visitMemberSelect(MemberSelectTree node, Void unused) {
    String outer = visit(node.getExpression(), null);
    return outer.isEmpty() || Character.isLowerCase(outer.charAt(0)) ? node.getIdentifier().toString()
        : outer + "." + node.getIdentifier();
  }

  @Override
  public String visitParameterizedType(ParameterizedTypeTree node, Void unused) {
    return visit(node.getType(), null) + node.getTypeArguments().stream().map(argument -> visit(argument, null))
        .collect(Collectors.joining(", ", "<", ">"));
  }

  @Override
  public String visitArrayType(ArrayTypeTree node, Void unused) {
    return visit(node.getType(), null) + "[]";
  }

  @Override
  public String visitAnnotatedType(AnnotatedTypeTree node, Void unused) {
    return visit(node.getUnderlyingType(), null);
  }

  @Override
  public String visitWildcard(WildcardTree node, Void unused) {
    return switch (node.getKind()) {
      case EXTENDS_WILDCARD -> "? extends " + visit(node.getBound(), null);
      case SUPER_WILDCARD -> "? super " + visit(node.getBound(), null);
      default -> "?";
    };
  }

  @Override
  protected String defaultAction(Tree node, Void unused) {
    return node.toString();
  }
}
