package io.github.lora4j.testkit.reach;

import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Instruction;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LoadInstruction;
import java.lang.classfile.instruction.LocalVariable;
import java.lang.classfile.instruction.LocalVariableType;
import java.lang.classfile.instruction.NewObjectInstruction;
import java.lang.classfile.instruction.StoreInstruction;
import java.lang.classfile.instruction.TypeCheckInstruction;
import java.lang.constant.ClassDesc;
import java.lang.reflect.AccessFlag;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A method's instructions, and what the expression that ends at one of them is. */
final class Code {

  private final ClassModel type;
  private final MethodModel method;
  private final List<Instruction> instructions = new ArrayList<>();
  private final List<CodeElement> names = new ArrayList<>();

  Code(ClassModel type, MethodModel method, CodeModel code) {
    this.type = type;
    this.method = method;
    for (CodeElement element : code) {
      if (element instanceof Instruction instruction) {
        instructions.add(instruction);
      } else if (element instanceof LocalVariable || element instanceof LocalVariableType) {
        names.add(element);
      }
    }
  }

  List<Instruction> instructions() {
    return instructions;
  }

  /** Where the code is, to tell a reader. */
  String place() {
    return type.thisClass().asInternalName().replace('/', '.') + "#" + method.methodName().stringValue();
  }

  /** The class constant that the instruction pushes. */
  Optional<ClassDesc> constantClass(int at) {
    return at >= 0 && instructions.get(at) instanceof ConstantInstruction.LoadConstantInstruction load
        && load.constantValue() instanceof ClassDesc constant ? Optional.of(constant) : Optional.empty();
  }

  /** The text that the instruction pushes. */
  Optional<String> constantText(int at) {
    return at >= 0 && instructions.get(at) instanceof ConstantInstruction.LoadConstantInstruction load
        && load.constantValue() instanceof String constant ? Optional.of(constant) : Optional.empty();
  }

  /** The class whose object was just made. */
  Optional<String> made(int at) {
    return at >= 0 && instructions.get(at) instanceof InvokeInstruction call && call.name().equalsString("<init>")
        ? Optional.of(call.owner().asInternalName()) : Optional.empty();
  }

  /** Where the expression begins that pushed a class constant or made an object. */
  int start(int at) {
    Optional<String> made = made(at);
    if (made.isEmpty()) {
      return at;
    }
    int start = at;
    while (!(instructions.get(start) instanceof NewObjectInstruction one && one.className().asInternalName().equals(made.get()))) {
      start--;
    }
    return start;
  }

  /** The generic signature of what the instruction pushes, as class files write it; empty where it is not one of the simple kinds. */
  Optional<String> pushed(int at, Signatures signatures) {
    if (at < 0) {
      return Optional.empty();
    }
    return switch (instructions.get(at)) {
      case LoadInstruction load -> local(load, at, signatures);
      case TypeCheckInstruction cast -> Optional.of(descriptor(cast.type().asInternalName()));
      case FieldInstruction field -> Optional.of(signatures.field(field.owner().asInternalName(), field.name().stringValue(),
          field.type().stringValue()));
      case InvokeInstruction call when call.name().equalsString("<init>") -> Optional.of(descriptor(call.owner().asInternalName()));
      case InvokeInstruction call -> Optional.of(signatures.returned(call.owner().asInternalName(), call.name().stringValue(),
          call.type().stringValue()));
      case Instruction other -> Optional.empty();
    };
  }

  /** Whether the variable that is loaded is the method's last parameter, so that what is written is what callers hand over. */
  boolean passesOn(int at) {
    int slot = method.flags().has(AccessFlag.STATIC) ? 0 : 1;
    int parameters = method.methodTypeSymbol().parameterCount();
    for (int i = 0; i < parameters - 1; i++) {
      slot += method.methodTypeSymbol().parameterType(i).descriptorString().matches("[JD]") ? 2 : 1;
    }
    return parameters > 0 && ((LoadInstruction) instructions.get(at)).slot() == slot;
  }

  private Optional<String> local(LoadInstruction load, int at, Signatures signatures) {
    int slot = load.slot();
    int first = method.flags().has(AccessFlag.STATIC) ? 0 : 1;
    if (first == 1 && slot == 0) {
      return Optional.of(descriptor(type.thisClass().asInternalName()));
    }
    // A store into the slot before this load, and nearest to it, is what the slot holds in straight code.
    for (int i = at - 1; i >= 0; i--) {
      if (instructions.get(i) instanceof StoreInstruction store && store.slot() == slot) {
        Optional<String> named = named(slot);
        return named.isPresent() ? named : pushed(i - 1, signatures);
      }
    }
    for (int i = 0; i < method.methodTypeSymbol().parameterCount(); i++) {
      ClassDesc parameter = method.methodTypeSymbol().parameterType(i);
      if (first == slot) {
        return Optional.of(named(slot).orElse(parameter.descriptorString()));
      }
      first += parameter.descriptorString().matches("[JD]") ? 2 : 1;
    }
    return named(slot);
  }

  /** The one type of the variables that lie in a slot, if they agree. */
  private Optional<String> named(int slot) {
    List<String> generic = names.stream().filter(LocalVariableType.class::isInstance).map(LocalVariableType.class::cast)
        .filter(variable -> variable.slot() == slot).map(variable -> variable.signature().stringValue()).distinct().toList();
    List<String> plain = names.stream().filter(LocalVariable.class::isInstance).map(LocalVariable.class::cast)
        .filter(variable -> variable.slot() == slot).map(variable -> variable.type().stringValue()).distinct().toList();
    return plain.size() != 1 ? Optional.empty() : Optional.of(generic.size() == 1 ? generic.getFirst() : plain.getFirst());
  }

  private static String descriptor(String internalName) {
    return internalName.startsWith("[") ? internalName : "L" + internalName + ";";
  }
}
